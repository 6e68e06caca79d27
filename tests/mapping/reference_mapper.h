// The table that the specification asks for, made the slow and obvious way: a tree for each instance, then its row. For tests.
//
// Shares with the program what other tests check on their own: the data dictionary, the parsers of single values and the
// decoder of text. Knows nothing of columns, runs, plans or comparisons. Takes structurally correct data sets only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dicom/cursor.h"
#include "dicom/text.h"
#include "table/schema.h"

namespace dicomhouse::mapping {

// One line of the account.
struct ReferenceNote {
  std::string path;  // "0008,1140[2].0008,1155"
  uint64_t offset = 0;
  std::string reason;
  auto operator<=>(const ReferenceNote&) const = default;
};

struct ReferenceRow {
  base::Json row;  // as table::Unroll writes it
  uint64_t read = 0;
  uint64_t placed = 0;
  uint64_t other = 0;
  uint64_t dropped = 0;
  std::vector<ReferenceNote> notes;
};

class ReferenceMapper {
 public:
  ReferenceMapper();
  ~ReferenceMapper();

  // `data_set`: elements in `encoding`, no File Meta Information. Adds to schema().
  ReferenceRow Map(std::string_view data_set, dicom::Encoding encoding);
  // Of all that was mapped, in the order of the specification.
  table::Schema schema() const;

 private:
  struct Element;
  struct Context;
  struct Field;
  using Elements = std::vector<Element>;

  Elements Parse(std::string_view bytes, uint64_t offset, dicom::Encoding encoding);
  Elements ParseElement(std::string_view bytes, size_t& position, uint64_t offset, dicom::Encoding encoding);
  size_t FindEnd(std::string_view bytes, size_t position, dicom::Encoding encoding, bool items);
  base::Json MapDataSet(const Elements& elements, Context context, Field& schema, const std::string& path,
                        const std::string& names, int depth);
  void MapUnknown(const Element& element, const Context& context, Field& schema, base::Json& record, const std::string& path,
                  const std::string& names);
  void MapValue(const Element& element, Context context, Field& schema, base::Json& record, const std::string& path,
                const std::string& names);
  void MapSequence(const Element& element, const std::string& name, uint64_t order, const Context& context, Field& schema,
                   base::Json& record, const std::string& path, const std::string& names, int depth);
  void Other(const Element& element, dicom::Vr vr, const std::string& reason, const Context& context, Field& schema,
             base::Json& record, const std::string& path);
  void Drop(const Element& element, const std::string& reason, const std::string& path, const std::string& names);
  void DropAll(const Element& element, const std::string& reason, const std::string& inner_reason, const std::string& path,
               const std::string& names);
  std::vector<std::string> Texts(dicom::Vr vr, std::string_view bytes, const Context& context, bool& replaced);
  std::vector<std::string> Printed(dicom::Vr vr, std::string_view bytes, const Context& context, bool& replaced);

  std::unique_ptr<Field> schema_;
  dicom::TextDecoder decoder_;
  ReferenceRow row_;
  std::vector<std::string> dropped_of_element_;
};

}  // namespace dicomhouse::mapping
