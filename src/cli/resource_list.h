// gcloud's flags of commands that list: --filter, --sort-by, --limit, --page-size, --uri. They choose among resources that the
// server has answered; the server knows nothing of them but the size of a page.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "cli/resource_print.h"

namespace CLI {
class App;
}

namespace dicomhouse::cli {

struct ListFlags {
  std::string filter;
  std::string sort_by;
  int64_t limit = 0;  // 0: all
  int64_t page_size = 0;
  bool uri = false;
};

void AddListFlags(CLI::App& app, ListFlags& flags);
// --limit alone: 1 or more, or "unlimited", which is 0.
void AddLimitFlag(CLI::App& app, int64_t& limit);

// What the flags choose.
//
//   DH_ASSIGN(const Selection selection, Selection::Make(flags, columns));
//   while (... && !selection.IsEnough(items.size())) ...
//   selection.Apply(items);
class Selection {
 public:
  // Keys are paths in a resource, or heads of columns. Errors: kInvalidArgument: a filter that is not KEY=VALUE, KEY:VALUE or
  // KEY!=VALUE, joined by AND.
  static base::Result<Selection> Make(const ListFlags& flags, const std::vector<ResourceColumn>& columns);

  // Whether more resources than so many would not be shown anyway.
  bool IsEnough(size_t resources) const;
  // Leaves what is chosen, in its order. A key of the filter that no resource has is said on standard error, as by gcloud.
  void Apply(base::Json::Array& resources) const;

  // KEY=VALUE and its like.
  struct Term {
    std::string key;
    std::string written_key;  // as the user wrote it
    std::string value;
    bool has = false;      // ':': a part of the text, or with one * its beginning, its end or both
    bool negated = false;  // "!="
  };
  struct SortKey {
    std::string key;
    bool descending = false;
  };

 private:
  std::vector<Term> terms_;
  std::vector<SortKey> order_;
  size_t limit_ = 0;
};

}  // namespace dicomhouse::cli
