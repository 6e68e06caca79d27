// QIDO-RS (PS3.18 §10.6): conditions that the index has columns for become SQL, the others look at rows or headers that are
// left, one at a time.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/json.h"
#include "base/limits.h"
#include "dicom/dictionary.h"
#include "dicom/tags.h"
#include "store/internal/matching.h"
#include "store/internal/stored_instances.h"

namespace dicomhouse::store {
namespace {

constexpr uint32_t kModalityTag = 0x00080060;
// What answers have, and no instance: the index knows it.
constexpr uint32_t kAvailabilityTag = 0x00080056;
constexpr uint32_t kModalitiesInStudyTag = 0x00080061;
constexpr uint32_t kSopClassesInStudyTag = 0x00080062;
constexpr uint32_t kAvailableSyntaxesTag = 0x00083002;
constexpr uint32_t kSeriesOfStudyTag = 0x00201206;
constexpr uint32_t kInstancesOfStudyTag = 0x00201208;
constexpr uint32_t kInstancesOfSeriesTag = 0x00201209;

dicom::Vr VrOf(uint32_t tag) {
  const dicom::ElementEntry* entry = dicom::FindElement(tag);
  return entry == nullptr ? dicom::Vr::kLO : entry->vr;
}

// The lowest level that an attribute is known to be of; the study's for those that the index knows nothing of.
Level LevelOf(uint32_t tag) {
  for (const IndexedAttribute& attribute : IndexedAttributes()) {
    if (attribute.tag == tag) return attribute.level;
  }
  return Level::kStudy;
}

// The element with the creator of a private element's block (PS3.5 §7.8.1), or 0.
uint32_t CreatorOf(uint32_t tag) {
  const bool in_block = (tag >> 16 & 1) != 0 && (tag & 0xFFFF) >= 0x1000;
  return in_block ? (tag & 0xFFFF0000) | (tag >> 8 & 0xFF) : 0;
}

const char* AliasOf(Level level) { return level == Level::kStudy ? "t" : level == Level::kSeries ? "s" : "i"; }

// Values split at '\' and ',', as lists of UIDs come.
std::vector<std::string> SplitList(std::span<const std::string> values) {
  std::vector<std::string> out;
  for (const std::string& value : values) {
    for (size_t begin = 0; begin <= value.size();) {
      const size_t end = std::min(value.find_first_of("\\,", begin), value.size());
      out.push_back(value.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return out;
}

bool MatchesAll(std::span<const std::string> values) {
  return values.empty() || std::any_of(values.begin(), values.end(), [](const std::string& v) { return v.empty() || v == "*"; });
}

// SQL's GLOB knows [...] too.
std::string GlobOf(std::string_view pattern) {
  std::string out;
  for (const char c : pattern) out += c == '[' ? std::string("[[]") : std::string(1, c);
  return out;
}

std::string UidMember(const char* tag, std::string_view uid) {
  std::string out = std::string("\"") + tag + R"(":{"vr":"UI","Value":[)";
  base::AppendJsonString(out, uid);
  return out + "]}";
}

void AddMember(std::string& members, std::string_view member) {
  if (!members.empty()) members += kMemberEnd;
  members += member;
}

// All that decides which rows a search without conditions finds, and how many of them are passed over.
std::string PageKey(int64_t store, const Search& search, uint64_t offset) {
  std::string key = std::to_string(store) + ' ' + std::to_string(static_cast<int>(search.level)) + ' ' + std::to_string(offset);
  for (const std::string& uid : {search.study, search.series}) key.append(" ").append(std::to_string(uid.size())).append(uid);
  return key;
}

// The statement of a search, and what it leaves to be looked at.
class SearchPlan {
 public:
  // `after`: the row behind which the page begins, when that is known; then nothing is passed over.
  SearchPlan(int64_t store, const Search& search, std::optional<int64_t> after)
      : search_(&search), skip_(after ? 0 : search.offset) {
    where_ = std::string(" WHERE ") + AliasOf(search.level) + ".store = ?";
    numbers_.push_back(store);
    if (!search.study.empty()) Require("t.uid = ?", search.study);
    if (!search.series.empty()) Require("s.uid = ?", search.series);
    for (const Condition& condition : search.conditions) Add(condition);
    if (after) where_ += std::string(" AND ") + AliasOf(search.level) + ".id > " + std::to_string(*after);
  }

  base::Result<Statement> Prepare(Database& database) const {
    const Level level = search_->level;
    std::string sql = level == Level::kStudy    ? "SELECT t.id, t.uid, '', '', t.members, '', '', 0, '' FROM studies t"
                      : level == Level::kSeries ? "SELECT s.id, t.uid, s.uid, '', t.members, s.members, '', s.instances, '' "
                                                  "FROM series s JOIN studies t ON t.id = s.study"
                                                : "SELECT i.id, t.uid, s.uid, i.uid, t.members, s.members, i.members, "
                                                  "s.instances, i.syntax FROM instances i JOIN series s ON s.id = i.series "
                                                  "JOIN studies t ON t.id = i.study";
    sql += where_ + " ORDER BY " + AliasOf(level) + ".id";
    if (rest_.empty()) sql += " LIMIT ? OFFSET ?";
    DH_ASSIGN(Statement statement, database.Prepare(sql));
    int index = 1;
    statement.Bind(index++, numbers_.front());
    for (const std::string& text : texts_) statement.Bind(index++, text);
    if (rest_.empty()) {
      statement.Bind(index, static_cast<int64_t>(limit()));
      statement.Bind(index + 1, static_cast<int64_t>(std::min<uint64_t>(skip_, INT64_MAX)));
    }
    return statement;
  }

  uint64_t limit() const { return std::min(search_->limit, base::kMaxSearchLimit); }
  // Of the rows that Prepare's statement gives and that match, how many are in front of the page.
  uint64_t skip() const { return rest_.empty() ? 0 : skip_; }
  // Conditions that only a header can answer.
  const std::vector<const Condition*>& rest() const { return rest_; }

 private:
  void Require(std::string_view sql, std::string text) {
    where_.append(" AND ").append(sql);
    texts_.push_back(std::move(text));
  }

  void Add(const Condition& condition) {
    if (condition.path.empty() || MatchesAll(condition.values)) return;
    if (condition.path.size() > 1 || !AddTag(condition.path.front(), condition)) rest_.push_back(&condition);
  }

  bool AddTag(uint32_t tag, const Condition& condition) {
    const Level level = search_->level;
    if (tag == dicom::kStudyInstanceUidTag) return AddUids("t.uid", condition);
    if (tag == dicom::kSeriesInstanceUidTag && level != Level::kStudy) return AddUids("s.uid", condition);
    if (tag == dicom::kSopInstanceUidTag && level == Level::kInstance) return AddUids("i.uid", condition);
    if (tag == dicom::kSopClassUidTag && level == Level::kInstance) return AddUids("i.sop_class", condition);
    if (AddCounted(tag, condition)) return true;
    if (tag == kModalitiesInStudyTag || (tag == kModalityTag && level == Level::kStudy)) return AddModalities(condition);
    const IndexedAttribute* attribute = FindColumn(tag);
    if (attribute == nullptr || attribute->level > level) return false;
    const dicom::Vr vr = VrOf(tag);
    // Names have cases that SQL has no words for.
    if (vr == dicom::Vr::kPN && (search_->fuzzy || HasGroups(condition))) return false;
    where_ += " AND " + AnyMatch(std::string(AliasOf(attribute->level)) + "." + attribute->column, condition, vr);
    return true;
  }

  // Attributes of what is stored as a whole.
  bool AddCounted(uint32_t tag, const Condition& condition) {
    const Level level = search_->level;
    switch (tag) {
      case kAvailabilityTag:
        if (!Matches("ONLINE", dicom::Vr::kCS, condition.values, false)) where_ += " AND 0";
        return true;
      case kSopClassesInStudyTag:
        return AddUidsOfAny("study = t.id", "sop_class", condition);
      case kAvailableSyntaxesTag:
        if (level == Level::kInstance) return AddUids("i.syntax", condition);
        return AddUidsOfAny(level == Level::kSeries ? "series = s.id" : "study = t.id", "syntax", condition);
      case kSeriesOfStudyTag:
        return AddNumber("(SELECT COUNT(*) FROM series n WHERE n.study = t.id)", condition);
      case kInstancesOfStudyTag:
        return AddNumber("(SELECT SUM(n.instances) FROM series n WHERE n.study = t.id)", condition);
      case kInstancesOfSeriesTag:
        if (level != Level::kStudy) return AddNumber("s.instances", condition);
        where_ += " AND EXISTS (SELECT 1 FROM series n WHERE n.study = t.id";
        (void)AddNumber("n.instances", condition);
        where_ += ")";
        return true;
      default:
        return false;
    }
  }

  bool AddNumber(const std::string& expression, const Condition& condition) {
    where_ += " AND " + AnyMatch("CAST(" + expression + " AS TEXT)", condition, dicom::Vr::kIS);
    return true;
  }

  std::string AnyMatch(const std::string& column, const Condition& condition, dicom::Vr vr) {
    std::string sql = "(";
    for (const std::string& value : condition.values) {
      if (sql.size() > 1) sql += " OR ";
      sql += ColumnMatch(column, value, vr);
    }
    return sql + ")";
  }

  // Anything but plain ASCII may stand in a name's second or third component group.
  static bool HasGroups(const Condition& condition) {
    return std::any_of(condition.values.begin(), condition.values.end(), [](const std::string& value) {
      return std::any_of(value.begin(), value.end(), [](char c) { return static_cast<uint8_t>(c) > 0x7F || c == '='; });
    });
  }

  std::string ColumnMatch(const std::string& column, const std::string& value, dicom::Vr vr) {
    if (HasWildcard(value)) {
      texts_.push_back(GlobOf(Comparable(value, vr)));
      return column + " GLOB ?";
    }
    if (vr != dicom::Vr::kDA && vr != dicom::Vr::kTM) {
      texts_.push_back(Comparable(value, vr));
      return column + " = ?";
    }
    const TextRange range = RangeOf(value, vr);
    std::string sql = "(" + column + " <> ''";
    for (const auto& [bound, sign] : {std::pair(range.first, " >= ?"), std::pair(range.last, " <= ?")}) {
      if (bound.empty()) continue;
      sql += " AND " + column + sign;
      texts_.push_back(bound);
    }
    return sql + ")";
  }

  bool AddUids(const char* column, const Condition& condition) {
    std::string sql = std::string(" AND ") + column + " IN (";
    for (const std::string& uid : SplitList(condition.values)) {
      sql += sql.back() == '(' ? "?" : ", ?";
      texts_.push_back(uid);
    }
    where_ += sql + ")";
    return true;
  }

  // That any instance of the study or series has one of the UIDs.
  bool AddUidsOfAny(const std::string& of, const std::string& column, const Condition& condition) {
    where_ += " AND EXISTS (SELECT 1 FROM instances x WHERE x." + of;
    (void)AddUids(("x." + column).c_str(), condition);
    where_ += ")";
    return true;
  }

  bool AddModalities(const Condition& condition) {
    std::string sql;
    for (const std::string& value : SplitList(condition.values)) {
      sql += sql.empty() ? "" : " OR ";
      sql += ColumnMatch("m.modality", value, dicom::Vr::kCS);
    }
    where_ += " AND EXISTS (SELECT 1 FROM series m WHERE m.study = t.id AND (" + sql + "))";
    return true;
  }

  const Search* search_;
  const uint64_t skip_;
  std::string where_;
  std::vector<int64_t> numbers_;
  std::vector<std::string> texts_;
  std::vector<const Condition*> rest_;
};

// One row that may match.
struct Candidate {
  int64_t row = 0;
  InstanceKey key;
  std::array<std::string, 3> members;  // by Level
  int64_t series_instances = 0;
  std::string syntax;
};

Candidate ReadCandidate(const Statement& statement) {
  Candidate found;
  found.row = statement.Int(0);
  found.key = {std::string(statement.Text(1)), std::string(statement.Text(2)), std::string(statement.Text(3))};
  for (int i = 0; i < 3; ++i) found.members[static_cast<size_t>(i)] = statement.Text(4 + i);
  found.series_instances = statement.Int(7);
  found.syntax = statement.Text(8);
  return found;
}

// ModalitiesInStudy and the numbers of series and instances.
base::Result<std::string> CountedMembers(Connection& reader, int64_t store, const std::string& study) {
  DH_ASSIGN(Query query, reader.Prepare("SELECT modality, instances FROM series WHERE study = "
                                        "(SELECT id FROM studies WHERE store = ? AND uid = ?)"));
  query->Bind(1, store).Bind(2, study);
  std::vector<std::string> modalities;
  int64_t series = 0;
  int64_t instances = 0;
  for (;;) {
    DH_ASSIGN(const bool row, query->Step());
    if (!row) break;
    ++series;
    instances += query->Int(1);
    if (!query->Text(0).empty()) modalities.emplace_back(query->Text(0));
  }
  std::sort(modalities.begin(), modalities.end());
  modalities.erase(std::unique(modalities.begin(), modalities.end()), modalities.end());
  std::string members = R"("00080061":{"vr":"CS")";
  for (size_t i = 0; i < modalities.size(); ++i) {
    members += i == 0 ? ",\"Value\":[" : ",";
    base::AppendJsonString(members, modalities[i]);
  }
  members += modalities.empty() ? "}" : "]}";
  AddMember(members, R"("00201206":{"vr":"IS","Value":[)" + std::to_string(series) + "]}");
  AddMember(members, R"("00201208":{"vr":"IS","Value":[)" + std::to_string(instances) + "]}");
  return members;
}

// SOPClassesInStudy.
base::Result<std::string> ClassesMember(Connection& reader, int64_t store, const std::string& study) {
  DH_ASSIGN(Query query, reader.Prepare("SELECT DISTINCT sop_class FROM instances WHERE study = "
                                        "(SELECT id FROM studies WHERE store = ? AND uid = ?) AND sop_class <> '' ORDER BY 1"));
  query->Bind(1, store).Bind(2, study);
  std::string values;
  for (;;) {
    DH_ASSIGN(const bool row, query->Step());
    if (!row) break;
    if (!values.empty()) values += ',';
    base::AppendJsonString(values, query->Text(0));
  }
  return R"("00080062":{"vr":"UI")" + (values.empty() ? "" : ",\"Value\":[" + values + "]") + "}";
}

}  // namespace

// One search: reads rows, and headers where it must.
class StoredInstances::Searcher {
 public:
  Searcher(StoredInstances& instances, int64_t store, const Search& search, Connection& reader)
      : instances_(&instances), store_(store), search_(&search), reader_(&reader), pin_(instances.pins_.Take()) {}

  base::Result<std::vector<Match>> Run() {
    PageEnds& ends = instances_->page_ends_;
    const uint64_t generation = ends.generation();
    // With a condition, an instance that comes can make an older study match: then rows do come in front.
    const bool remembered = search_->conditions.empty();
    const auto remember = [&](uint64_t offset, int64_t row) {
      if (remembered) ends.Remember(PageKey(store_, *search_, offset), row, generation);
    };
    const bool jumps = remembered && search_->offset > 0;
    const SearchPlan plan(store_, *search_, jumps ? ends.Find(PageKey(store_, *search_, search_->offset)) : std::nullopt);
    std::vector<Match> matches;
    DH_ASSIGN(Statement rows, plan.Prepare(reader_->database()));
    uint64_t skip = plan.skip();
    int64_t last_row = 0;
    while (matches.size() < plan.limit()) {
      DH_ASSIGN(const bool row, rows.Step());
      if (!row) return matches;
      const Candidate candidate = ReadCandidate(rows);
      has_header_ = false;
      if (!plan.rest().empty()) {
        DH_ASSIGN(const bool matched, MatchesRest(candidate, plan.rest()));
        if (!matched) continue;
      }
      if (skip > 0) {
        --skip;
        continue;
      }
      DH_ASSIGN(std::string attributes, Attributes(candidate, plan.rest()));
      // The same page may be asked for again: it begins behind whatever row is in front of its first one.
      if (matches.empty() && search_->offset > 0) remember(search_->offset, candidate.row - 1);
      matches.push_back({candidate.key, std::move(attributes)});
      // Whoever wants to know whether there are more asks for one more than the page has: both may be where the next one begins.
      if (matches.size() == plan.limit()) {
        if (matches.size() > 1) remember(search_->offset + matches.size() - 1, last_row);
        remember(search_->offset + matches.size(), candidate.row);
      }
      last_row = candidate.row;
    }
    return matches;
  }

 private:
  base::Result<bool> MatchesRest(const Candidate& candidate, const std::vector<const Condition*>& rest) {
    DH_CHECK(ReadHeader(candidate));
    return std::all_of(rest.begin(), rest.end(), [this](const Condition* condition) {
      return MatchesHeader(header_, attributes_, *condition, search_->fuzzy);
    });
  }

  // Of the instance itself, or of the newest of the study or series, which is who speaks for it.
  base::Status ReadHeader(const Candidate& candidate) {
    if (has_header_) return {};
    static const std::string kOfStudy = std::string(kSelectRow) + "WHERE i.study = ? ORDER BY i.id DESC LIMIT 1";
    static const std::string kOfSeries = std::string(kSelectRow) + "WHERE i.series = ? ORDER BY i.id DESC LIMIT 1";
    static const std::string kOfInstance = std::string(kSelectRow) + "WHERE i.id = ?";
    const Level level = search_->level;
    DH_ASSIGN(Query query, reader_->Prepare(level == Level::kStudy    ? kOfStudy
                                            : level == Level::kSeries ? kOfSeries
                                                                      : kOfInstance));
    query->Bind(1, candidate.row);
    DH_ASSIGN(const bool found, query->Step());
    if (!found) return base::Error{base::ErrorCode::kCorrupt, "the index has a study or series without instances"};
    const InstanceRow row = ReadRow(*query);
    DH_ASSIGN(const auto source, instances_->OpenHeaderAt(row.header, row.blob, row.info.key.instance.size(), pin_));
    (void)header_reader_.Read(*source, header_);
    has_header_ = true;
    return {};
  }

  base::Result<std::string> Attributes(const Candidate& candidate, const std::vector<const Condition*>& rest) {
    std::array<std::string, 5> members;  // later ones are asked for only where earlier ones have nothing
    const Level level = search_->level;
    // Its own UID first: an instance of an earlier version may have an empty one in its header.
    if (level == Level::kInstance) members[0] = UidMember("00080018", candidate.key.instance);
    if (const std::string& own = candidate.members[static_cast<size_t>(level)]; !own.empty()) AddMember(members[0], own);
    if (level != Level::kStudy) AddMember(members[0], UidMember("0020000D", candidate.key.study));
    if (level == Level::kInstance) AddMember(members[0], UidMember("0020000E", candidate.key.series));
    const bool with_study = level == Level::kStudy || search_->study.empty();
    const bool with_series = level == Level::kSeries || (level == Level::kInstance && search_->series.empty());
    if (with_series) {
      members[1] = candidate.members[static_cast<size_t>(Level::kSeries)];
      AddMember(members[1], R"("00201209":{"vr":"IS","Value":[)" + std::to_string(candidate.series_instances) + "]}");
    }
    if (with_study) {
      members[2] = candidate.members[static_cast<size_t>(Level::kStudy)];
      DH_ASSIGN(members[3], CountedMembers(*reader_, store_, candidate.key.study));
      if (IsAskedFor(kSopClassesInStudyTag)) {
        DH_ASSIGN(const std::string classes, ClassesMember(*reader_, store_, candidate.key.study));
        AddMember(members[3], classes);
      }
    }
    if (level == Level::kInstance) AddMember(members[1], UidMember("00083002", candidate.syntax));
    DH_ASSIGN(members[4], Included(candidate, rest));
    const std::array<std::string_view, 5> views{members[0], members[1], members[2], members[3], members[4]};
    return JoinMembers(views);
  }

  bool IsAskedFor(uint32_t tag) const {
    const auto is_it = [tag](const std::vector<uint32_t>& path) { return path.size() == 1 && path.front() == tag; };
    return std::any_of(search_->include.begin(), search_->include.end(), is_it) ||
           std::any_of(search_->conditions.begin(), search_->conditions.end(), [&](const Condition& c) { return is_it(c.path); });
  }

  // Top-level tags that were asked for, or matched by what only a header knows; none of a lower level (PS3.18 §10.6.3.3).
  std::vector<uint32_t> WantedTags(const std::vector<const Condition*>& rest) const {
    std::vector<uint32_t> tags;
    const auto add = [this, &tags](const std::vector<uint32_t>& path) {
      if (path.empty() || LevelOf(path.front()) > search_->level) return;
      tags.push_back(path.front());
      if (const uint32_t creator = CreatorOf(path.front()); creator != 0) tags.push_back(creator);
    };
    for (const auto& path : search_->include) add(path);
    for (const Condition* condition : rest) add(condition->path);
    return tags;
  }

  // What was asked for beyond that: top-level elements of the header.
  base::Result<std::string> Included(const Candidate& candidate, const std::vector<const Condition*>& rest) {
    std::vector<uint32_t> tags = WantedTags(rest);
    if (tags.empty() && !search_->include_all) return std::string();
    DH_CHECK(ReadHeader(candidate));
    for (const dicom::TopElement& element : header_.elements) {
      // Of a study or series only what is surely the same for all of it.
      const bool wanted = search_->level == Level::kInstance ? element.tag >> 16 != 2 : element.tag >> 16 == 0x0010;
      if (search_->include_all && wanted && !element.left_out) tags.push_back(element.tag);
    }
    std::string members;
    for (const uint32_t tag : tags) {
      const size_t before = members.size();
      if (before > 0) members += kMemberEnd;
      if (!json_.AppendElements(header_, std::span(&tag, 1), members)) members.resize(before);
    }
    return members;
  }

  StoredInstances* instances_;
  int64_t store_;
  const Search* search_;
  Connection* reader_;
  PinPointer pin_;
  AttributeReader attributes_;
  dicom::DicomJsonWriter json_;
  dicom::InstanceReader header_reader_;
  dicom::Instance header_;
  bool has_header_ = false;
};

base::Result<StoreMetrics> StoredInstances::Metrics(int64_t store, const InstanceKey& key) {
  DH_ASSIGN(auto reader, readers_.Take());
  DH_ASSIGN(Query query, reader->Prepare("SELECT COUNT(DISTINCT i.series), COUNT(*), SUM(i.header_bytes), SUM(i.bytes) "
                                         "FROM studies t JOIN instances i ON i.study = t.id JOIN series s ON s.id = i.series "
                                         "WHERE t.store = ?1 AND t.uid = ?2 AND ?3 IN ('', s.uid) AND ?4 IN ('', i.uid)"));
  query->Bind(1, store).Bind(2, key.study).Bind(3, key.series).Bind(4, key.instance);
  DH_ASSIGN(const bool row, query->Step());
  if (!row || query->Int(1) == 0) {
    const bool of_study = key.series.empty();
    return base::Error{base::ErrorCode::kNotFound,
                       std::string("there is no ") + (of_study               ? "study " + key.study
                                                      : key.instance.empty() ? "series " + key.series
                                                                             : "instance " + key.instance)};
  }
  return StoreMetrics{1, query->Int(0), query->Int(1), query->Int(2), query->Int(3)};
}

base::Result<std::vector<Match>> StoredInstances::Find(int64_t store, const Search& search) {
  DH_ASSIGN(auto reader, readers_.Take());
  return Searcher(*this, store, search, *reader).Run();
}

}  // namespace dicomhouse::store
