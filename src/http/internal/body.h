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

// A message's body. Reads from the transport what the buffer has not; never bytes behind the body when its length is known.
class FramedBody final : public BodyReader {
 public:
  // Both must outlive it. More than `max_bytes` are an error (kLimit).
  FramedBody(InputBuffer& buffer, Transport& transport, Framing framing, uint64_t max_bytes)
      : buffer_(&buffer), transport_(&transport), framing_(framing), room_(max_bytes), left_(framing.length) {
    if (framing_.kind == Framing::Kind::kLength && left_ == 0) state_ = State::kEnded;
  }

  base::Result<size_t> Read(std::span<uint8_t> out) override;
  std::optional<uint64_t> length() const override;

  bool ended() const { return state_ == State::kEnded; }
  // The error that Read gave, if it did: nothing more can be read.
  const std::optional<base::Error>& error() const { return error_; }
  // Bytes of the body that have been read.
  uint64_t bytes() const { return bytes_; }
  // Reads and drops up to kMaxDrainBytes. Whether that was all.
  bool Drain();

 private:
  enum class State { kData, kChunkLine, kChunkEnd, kTrailer, kEnded };

  base::Result<size_t> ReadFramed(std::span<uint8_t> out);
  base::Result<size_t> ReadChunked(std::span<uint8_t> out);
  base::Result<size_t> ReadRaw(std::span<uint8_t> out);
  base::Result<std::string> ReadLine(size_t max_bytes);

  InputBuffer* buffer_;
  Transport* transport_;
  Framing framing_;
  uint64_t room_;  // bytes that may still come
  uint64_t left_;  // of the body, or of the chunk
  uint64_t bytes_ = 0;
  size_t trailer_bytes_ = 0;
  State state_ = framing_.kind == Framing::Kind::kChunked ? State::kChunkLine : State::kData;
  std::optional<base::Error> error_;
};

// A message's body on its way out, the head in front of it. Small writes are gathered.
class FramedWriter final : public BodyWriter {
 public:
  FramedWriter(Transport& transport, std::string head, Framing framing)
      : transport_(&transport), pending_(std::move(head)), framing_(framing), left_(framing.length) {}

  base::Status Write(std::string_view bytes) override;
  // The end of the body. Errors: kIo; kInvalidArgument: fewer bytes than its length.
  base::Status Finish();
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
};

}  // namespace dicomhouse::http::internal
