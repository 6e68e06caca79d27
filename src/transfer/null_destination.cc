#include "base/limits.h"
#include "transfer/destination.h"

namespace dicomhouse::transfer {
namespace {

class NullFile final : public base::OutputFile {
 public:
  base::Status Append(std::string_view) override { return {}; }
  base::Status Truncate(uint64_t) override { return {}; }
  base::Status Sync() override { return {}; }
  base::Status Close() override { return {}; }
};

class NullDestination final : public Destination {
 public:
  base::Result<NewFile> NewPart() override { return NewFile{"", std::make_unique<NullFile>()}; }

  base::Status Prepare(const table::Schema& united, std::vector<WrittenPart>, const std::vector<RemovedRow>&,
                       const std::map<std::string, std::string>&, const std::atomic<bool>&) override {
    columns_ = table::CountFields(united);
    if (columns_ > base::kMaxColumns) {
      return base::Error{base::ErrorCode::kLimit, "the table would have " + std::to_string(columns_) +
                                                      " columns, nested ones counted; at most " +
                                                      std::to_string(base::kMaxColumns) + " are possible"};
    }
    return {};
  }

  base::Result<int> Publish() override { return columns_; }
  bool published() const override { return false; }
  base::Status TakeBack() override { return {}; }

  std::string Name() const override { return "nowhere"; }

 private:
  int columns_ = 0;
};

}  // namespace

std::unique_ptr<Destination> OpenNullDestination() { return std::make_unique<NullDestination>(); }

}  // namespace dicomhouse::transfer
