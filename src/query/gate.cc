#include "query/gate.h"

#include <array>
#include <deque>
#include <utility>
#include <vector>

#include "base/json.h"
#include "query/functions.h"
#include "query/lexer.h"

namespace dicomhouse::query {
namespace {

using base::Json;

// Every "type" that a node of an admitted statement can have.
const std::set<std::string, std::less<>>& AllowedTypes() {
  static const std::set<std::string, std::less<>> kTypes = {
      // queries and what follows them
      "SELECT_NODE", "SET_OPERATION_NODE", "ORDER_MODIFIER", "LIMIT_MODIFIER", "DISTINCT_MODIFIER",
      // what stands in FROM
      "EMPTY", "BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION",
      // values
      "COLUMN_REF", "POSITIONAL_REFERENCE", "VALUE_CONSTANT", "FUNCTION", "STAR", "LAMBDA", "LAMBDA_REF", "OPERATOR_CAST", "CAST",
      "CASE_EXPR", "CASE", "COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
      "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO", "COMPARE_IN", "COMPARE_NOT_IN", "COMPARE_DISTINCT_FROM",
      "COMPARE_NOT_DISTINCT_FROM", "COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN", "CONJUNCTION_AND", "CONJUNCTION_OR", "OPERATOR_NOT",
      "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF", "OPERATOR_TRY", "OPERATOR_UNPACK",
      "GROUPING_FUNCTION", "ARRAY_EXTRACT", "ARRAY_SLICE", "STRUCT_EXTRACT", "ARRAY_CONSTRUCTOR", "WINDOW_AGGREGATE",
      "WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_NTILE", "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST", "WINDOW_ROW_NUMBER",
      "WINDOW_FIRST_VALUE", "WINDOW_LAST_VALUE", "WINDOW_LEAD", "WINDOW_LAG", "WINDOW_NTH_VALUE",
      // directions
      "ORDER_DEFAULT", "ASCENDING", "DESCENDING",
      // of cast targets
      "GENERIC_TYPE_INFO", "DECIMAL_TYPE_INFO", "LIST_TYPE_INFO", "STRUCT_TYPE_INFO", "UNBOUND_TYPE_INFO", "TYPE"};
  return kTypes;
}

// CUBE of twelve columns, which is the most that the dialect lets through.
constexpr size_t kMaxGroupSets = 4096;

// Names of CTEs that can be seen at a place; links point outwards and never change.
struct Visible {
  const Visible* outer = nullptr;
  std::set<std::string> names;
};

class Gate {
 public:
  explicit Gate(const std::set<std::string>& tables) : tables_(tables) {}

  Refusal Check(const Json& root) {
    if (root["error"].as_bool(false)) return Parse(root);
    const Json::Array& statements = root["statements"].array();
    if (statements.size() != 1) return {"one statement at a time", std::string::npos};
    scopes_.push_back({});
    work_.push_back({&statements[0], &scopes_.back()});
    while (!work_.empty() && refusal_.message.empty()) {
      const auto [json, visible] = work_.back();
      work_.pop_back();
      if (json->is_array()) {
        for (const Json& item : json->array()) work_.push_back({&item, visible});
      } else if (json->is_object()) {
        Object(*json, visible);
      }
    }
    return refusal_;
  }

 private:
  struct Work {
    const Json* json;
    const Visible* visible;
  };

  static Refusal Parse(const Json& root) {
    Refusal refusal;
    refusal.message =
        root["error_type"].as_string() == "not implemented" ? "only SELECT is allowed" : root["error_message"].as_string();
    if (refusal.message.empty()) refusal.message = "the engine cannot read the statement";
    const std::string& position = root["position"].as_string();
    if (!position.empty() && position.size() < 9 && position.find_first_not_of("0123456789") == std::string::npos) {
      refusal.offset = std::stoul(position);
    }
    return refusal;
  }

  void Refuse(const Json& node, std::string message) {
    if (!refusal_.message.empty()) return;
    refusal_.message = std::move(message);
    const int64_t location = node["query_location"].as_int(-1);
    if (location >= 0) refusal_.offset = static_cast<size_t>(location);
  }

  void Object(const Json& node, const Visible* visible) {
    if (const Json* type = node.find("type"); type != nullptr && type->is_string()) {
      if (!AllowedTypes().contains(type->as_string())) return Refuse(node, type->as_string() + " is not allowed");
      Node(node, type->as_string(), visible);
    } else if (const Json* kind = node.find("class"); kind != nullptr) {
      return Refuse(node, "a node without a type");
    }
    if (const Json* function = node.find("function_name"); function != nullptr && !in_table_function_.contains(&node)) {
      Function(node, function->as_string());
    }
    if (const Json* sample = node.find("sample"); sample != nullptr && !sample->is_null()) {
      if (!IsPlainSample(*sample)) return Refuse(node, "samples of this kind are not allowed");
    }
    if (const Json* sets = node.find("group_sets"); sets != nullptr && sets->is_array() && sets->array().size() > kMaxGroupSets)
      return Refuse(node, "more than " + std::to_string(kMaxGroupSets) + " grouping sets");
    if (const Json* ctes = node.find("cte_map"); ctes != nullptr) visible = Ctes((*ctes)["map"], visible);
    for (const auto& [key, child] : node.object()) {
      if (key == "cte_map" || key == "sample" || key == "group_sets") continue;  // looked at above
      // A constant's value is data, whatever it looks like.
      if (key == "value" && node["class"].as_string() == "CONSTANT") continue;
      work_.push_back({&child, visible});
    }
  }

  void Node(const Json& node, const std::string& type, const Visible* visible) {
    if (type == "BASE_TABLE") {
      Table(node, visible);
    } else if (type == "TABLE_FUNCTION") {
      const Json& function = node["function"];
      const std::string name = ToLower(function["function_name"].as_string());
      static const std::set<std::string, std::less<>> kAllowed = {"unnest", "range", "generate_series"};
      if (!kAllowed.contains(name) || !PlainName(function)) {
        return Refuse(node, "table function " + (name.empty() ? std::string("without a name") : name) + " is not allowed");
      }
      in_table_function_.insert(&function);
    } else if (type == "STAR") {
      if (node["columns"].as_bool(false) || !node["expr"].is_null()) Refuse(node, "COLUMNS(...) is not allowed");
    }
  }

  // A share of the rows, by chance: nothing to evaluate, nothing that grows.
  static bool IsPlainSample(const Json& sample) {
    return sample["method"].as_string() == "Bernoulli" && sample["is_percentage"].as_bool(false) &&
           sample["sample_size"]["type"]["id"].as_string() == "DOUBLE" && sample["seed"].as_int(0) == -1;
  }

  // Is the name without a catalog, and in no schema but the engine's own?
  static bool PlainName(const Json& node) {
    const std::string& schema = node["schema"].as_string();
    const std::string& catalog = node["catalog"].as_string();
    return catalog.empty() && (schema.empty() || schema == "main");
  }

  void Function(const Json& node, const std::string& name) {
    if (name == "unnest" && PlainName(node)) return;
    if (!EngineFunctionAllowed(ToLower(name)) || !PlainName(node)) Refuse(node, "function " + name + " is not allowed");
  }

  void Table(const Json& node, const Visible* visible) {
    const std::string& name = node["table_name"].as_string();
    const bool plain =
        node["schema_name"].as_string().empty() && node["catalog_name"].as_string().empty() && node["at_clause"].is_null();
    bool known = tables_.contains(name);
    for (const Visible* scope = visible; scope != nullptr && !known; scope = scope->outer)
      known = scope->names.contains(ToLower(name));
    if (!plain || !known) Refuse(node, "table " + name + " is not allowed");
  }

  // Each query of WITH sees the ones before it; a name behind it would still mean a table of the engine.
  const Visible* Ctes(const Json& map, const Visible* visible) {
    for (const Json& entry : map.array()) {
      work_.push_back({&entry["value"], visible});
      scopes_.push_back({visible, {ToLower(entry["key"].as_string())}});
      visible = &scopes_.back();
    }
    return visible;
  }

  const std::set<std::string>& tables_;
  std::deque<Visible> scopes_;  // a deque: its elements stay where they are
  std::vector<Work> work_;
  std::set<const Json*> in_table_function_;
  Refusal refusal_;
};

}  // namespace

base::Result<Refusal> CheckStatement(std::string_view serialized, const std::set<std::string>& tables) {
  DH_ASSIGN(const Json root, Json::Parse(serialized));
  return Gate(tables).Check(root);
}

}  // namespace dicomhouse::query
