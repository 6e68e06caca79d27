// Bodies between a connection and who reads or writes them: framing taken off and put on. No sockets here.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/internal/wire.h"
#include "http/message.h"

namespace dicomhouse::http::internal {

// The bytes of a connection; blocks.
class Transport {
 public:
  virtual ~Transport() = default;
  // 0: the peer sends no more. Errors: kIo.
  virtual base::Result<size_t> ReadSome(std::span<uint8_t> out) = 0;
  // All of them. Errors: kIo.
  virtual base::Status Write(std::span<const std::string_view> pieces) = 0;
};

// Bytes that have come and have not been used yet.
class InputBuffer {
 public:
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_.data()) + begin_, end_ - begin_}; }
  void Consume(size_t count) { begin_ += count; }
  // Room for at least `bytes` more, behind the ones that are there. Ends earlier views.
  std::span<uint8_t> Room(size_t bytes);
  void Commit(size_t count) { end_ += count; }
  // Gives the memory back; nothing may be left to use.
  void Release() { *this = InputBuffer(); }

 private:
  std::vector<uint8_t> bytes_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// A message's body. Its framing is taken off in TryRead, from bytes that have come; Read waits for more, and so can a coroutine:
// TryRead until it wants more, more into the buffer, again. One thread at a time.
class FramedBody final : public BodyReader {
 public:
  // Both must outlive it. More than `max_bytes` are an error (kLimit).
  FramedBody(InputBuffer& buffer, Transport& transport, Framing framing, uint64_t max_bytes);

  // From the transport what the buffer has not; never bytes behind the body when its length is known.
  base::Result<size_t> Read(std::span<uint8_t> out) override;
  std::optional<uint64_t> length() const override;

  // The same without waiting; no value: more bytes have to come into the buffer.
  base::Result<std::optional<size_t>> TryRead(std::span<uint8_t> out);
  // Keeps up to `max_bytes` of what is in the buffer for Read. Whether that is enough: so many, the whole body or an error.
  bool Prefetch(size_t max_bytes);

  bool ended() const { return state_ == State::kEnded; }
  // The error that a read gave, if it did: nothing more can be read.
  const std::optional<base::Error>& error() const { return error_; }
  // Bytes that are still to come, as far as is known now.
  uint64_t left() const { return left_; }
  // Bytes of the body that have come.
  uint64_t bytes() const { return bytes_; }

 private:
  enum class State { kData, kChunkLine, kChunkEnd, kTrailer, kEnded };

  base::Result<std::optional<size_t>> TryReadFramed(std::span<uint8_t> out);
  base::Status TakeLine(std::string_view line);
  base::Status Took(size_t count);
  base::Result<size_t> Wait(std::span<uint8_t> out);

  InputBuffer* buffer_;
  Transport* transport_;
  Framing framing_;
  uint64_t room_;  // bytes that may still come
  uint64_t left_;  // of the body, or of the chunk
  uint64_t bytes_ = 0;
  size_t searched_ = 0;  // bytes of the buffer in which no line ends
  size_t trailer_bytes_ = 0;
  State state_;
  std::optional<base::Error> error_;
  std::string early_;  // from Prefetch
  size_t early_at_ = 0;
};

// A message's body on its way out, the head in front of it. Small writes are gathered.
class FramedWriter final : public BodyWriter {
 public:
  FramedWriter(Transport& transport, std::string head, Framing framing)
      : transport_(&transport), pending_(std::move(head)), framing_(framing), left_(framing.length) {}

  base::Status Write(std::string_view bytes) override;
  // The end of the body. Errors: kIo; kInvalidArgument: fewer bytes than its length.
  base::Status Finish();
  // Whether anything has gone out, the head first.
  bool started() const { return started_; }
  // Bytes of the body that were written.
  uint64_t bytes() const { return bytes_; }

 private:
  base::Status Flush(std::string_view direct);

  Transport* transport_;
  std::string pending_;  // the head until the first flush; then ready-made pieces
  std::string gathered_;
  Framing framing_;
  uint64_t left_;
  uint64_t bytes_ = 0;
  bool started_ = false;
};

}  // namespace dicomhouse::http::internal
