#include "tests/support/json_schema.hpp"

#include <algorithm>
#include <regex>
#include <set>
#include <stdexcept>

namespace dubfarm::testing {
namespace {

const std::set<std::string> kKeywords = {"$schema", "$id",     "$defs",    "title", "description", "default",  "type",     "required",  "properties",
                                         "items",   "$ref",    "enum",     "const", "pattern",     "minimum",  "maximum",  "minItems",  "maxItems",
                                         "minLength", "additionalProperties"};

bool has_type(const Json& value, const std::string& type) {
  const std::string own = value.is_number_integer() ? "integer" : value.type_name();
  return own == type || (type == "number" && own == "integer");
}

std::string check(const Json& schema, const Json& root, const Json& value, const std::string& place) {
  if (schema.is_boolean()) return schema.get<bool>() ? "" : place + ": not allowed\n";
  std::string found;
  const auto rule = [&](const char* name, auto&& broken) {
    const auto entry = schema.find(name);
    if (entry != schema.end() && broken(*entry)) found += place + ": " + name + " " + entry->dump() + ", is " + value.dump().substr(0, 60) + "\n";
  };
  for (const auto& [keyword, ignored] : schema.items())
    if (!kKeywords.contains(keyword)) throw std::logic_error("schema keyword that misfits() does not know: " + keyword);
  if (schema.contains("$ref")) found += check(root.at(Json::json_pointer(schema.at("$ref").get<std::string>().substr(1))), root, value, place);
  rule("type", [&](const Json& type) {
    if (!type.is_array()) return !has_type(value, type.get<std::string>());
    return std::none_of(type.begin(), type.end(), [&](const Json& t) { return has_type(value, t.get<std::string>()); });
  });
  rule("enum", [&](const Json& list) { return std::find(list.begin(), list.end(), value) == list.end(); });
  rule("const", [&](const Json& constant) { return constant != value; });
  rule("pattern", [&](const Json& p) { return value.is_string() && !std::regex_search(value.get<std::string>(), std::regex(p.get<std::string>())); });
  rule("minLength", [&](const Json& n) { return value.is_string() && value.get<std::string>().size() < n.get<std::size_t>(); });
  rule("minimum", [&](const Json& n) { return value.is_number() && value.get<double>() < n.get<double>(); });
  rule("maximum", [&](const Json& n) { return value.is_number() && value.get<double>() > n.get<double>(); });
  rule("minItems", [&](const Json& n) { return value.is_array() && value.size() < n.get<std::size_t>(); });
  rule("maxItems", [&](const Json& n) { return value.is_array() && value.size() > n.get<std::size_t>(); });
  if (value.is_object() && schema.contains("required"))
    for (const Json& key : schema.at("required"))
      if (!value.contains(key.get<std::string>())) found += place + ": no " + key.get<std::string>() + "\n";
  if (value.is_object() && schema.contains("properties"))
    for (const auto& [key, property] : schema.at("properties").items())
      if (value.contains(key)) found += check(property, root, value.at(key), place + "/" + key);
  if (value.is_object() && schema.contains("additionalProperties"))
    for (const auto& [key, member] : value.items())
      if (!schema.contains("properties") || !schema.at("properties").contains(key)) found += check(schema.at("additionalProperties"), root, member, place + "/" + key);
  if (value.is_array() && schema.contains("items"))
    for (std::size_t i = 0; i < value.size(); ++i) found += check(schema.at("items"), root, value[i], place + "/" + std::to_string(i));
  return found;
}

}  // namespace

std::string misfits(const Json& schema, const Json& value) { return check(schema, schema, value, ""); }
std::string misfits(const Json& schema, const Json& value, const Json& document) { return check(schema, document, value, ""); }

}  // namespace dubfarm::testing
