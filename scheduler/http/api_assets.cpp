// Requests for what is compiled in.
#include "common/hex.hpp"
#include "common/sha256.hpp"
#include "scheduler/http/api.hpp"
#include "scheduler/http/assets.hpp"

namespace dubfarm::http {
namespace {

const char* asset_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/json";
}

void send_asset(const Call& call, std::string_view name) {
  for (const Asset& asset : built_in_assets()) {
    if (asset.name != name) continue;
    Sha256 sum;
    sum.update(std::as_bytes(std::span(asset.text)));
    const std::string tag = "\"" + sum.hex().substr(0, 32) + "\"";
    call.response.set_header("ETag", tag);
    call.response.set_header("Cache-Control", "no-cache");
    if (call.request.get_header_value("If-None-Match") == tag) {
      call.response.status = 304;
      return;
    }
    call.response.status = 200;
    call.response.set_content(std::string(asset.text), asset_type_of(name));
    return;
  }
  call.refuse(404, "not_found", "there is no such file");
}

}  // namespace

void get_asset(Call& call) { send_asset(call, call.parts.empty() ? "index.html" : call.parts.front()); }
void get_openapi(Call& call) { send_asset(call, "openapi.json"); }

}  // namespace dubfarm::http
