// Inside parse_mix: the files that the deliverables write. Every path stays inside the output folder, and no two are the same.
#include <algorithm>
#include <map>

#include "common/mix/parse_parts.hpp"
#include "common/mix/resolve.hpp"

namespace dubfarm::mix {
namespace {

/// The value of "file" in a deliverable.
Value file_of(const Value& deliverable) {
  for (const JsonMember& member : deliverable.node.members)
    if (member.key == "file") return deliverable.child(member);
  return deliverable;
}

bool has_placeholder(const Deliverable& deliverable, std::string_view name) {
  const auto names = placeholders(deliverable.file);
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The output that writes a path: a plan, and a file of it.
struct Owner {
  std::size_t plan, file;
};

}  // namespace

void MixParser::check_outputs(const Value& deliverables_list, bool tracks_are_sound) {
  const std::size_t errors_before = reader.errors.size();
  for (std::size_t d = 0; d < document.deliverables.size(); ++d) {
    const Deliverable& deliverable = document.deliverables[d];
    const Value entry = deliverables_list.item(d);
    const Value file = file_of(entry);
    const auto needs = [&](std::string_view variable, std::string_view because) {
      reader.error(file, fmt::format("\"file\" has no {{{}}}, and this deliverable writes {}", variable, because),
                   fmt::format("put {{{}}} into the name", variable), "one name for many files");
    };
    const std::size_t included = included_stems(document, deliverable).size();
    if (deliverable.per_bus && included > 1 && !has_placeholder(deliverable, "bus")) needs("bus", "a file for each stem");
    const bool many_channels = deliverable.split == Split::mono && (deliverable.per_bus || channel_count(deliverable.layout) > 1);
    if (many_channels && !has_placeholder(deliverable, "channel")) needs("channel", "a file for each channel");
  }
  if (reader.errors.size() != errors_before) return;

  const std::vector<OutputPlan> plans = outputs(document);
  std::vector<bool> is_bad(document.deliverables.size());  // one message a deliverable is enough: its versions fail alike
  std::map<std::string, Owner> files, folders;             // the output folder's tree, as it grows
  std::map<std::size_t, VersionView> views;
  const auto view_of = [&](std::size_t version) -> const VersionView& {
    const auto found = views.find(version);
    return found != views.end() ? found->second : views.emplace(version, view(document, document.versions[version])).first->second;
  };
  const auto describe = [&](const Owner& owner) {
    return fmt::format("deliverable \"{}\" of version \"{}\"", document.deliverables[plans[owner.plan].deliverable].name,
                       document.versions[plans[owner.plan].version].name);
  };
  const auto same_render = [&](const Owner& a, const Owner& b) {
    const OutputPlan &one = plans[a.plan], &other = plans[b.plan];
    const OutputFile &one_file = one.files[a.file], &other_file = other.files[b.file];
    const Deliverable &one_deliverable = document.deliverables[one.deliverable],
                      &other_deliverable = document.deliverables[other.deliverable];
    return a.plan != b.plan && one_file.bus == other_file.bus && one_file.channel == other_file.channel &&
           render_identity(document, view_of(one.version), one_deliverable, one_file.bus) ==
               render_identity(document, view_of(other.version), other_deliverable, other_file.bus);
  };

  for (std::size_t p = 0; p < plans.size(); ++p) {
    const std::size_t d = plans[p].deliverable;
    const Deliverable& deliverable = document.deliverables[d];
    const Version& version = document.versions[plans[p].version];
    const Value entry = deliverables_list.item(d);
    const auto report = [&](std::string message, std::string help, std::string note) {
      if (!is_bad[d]) reader.error(file_of(entry), std::move(message), std::move(help), std::move(note));
      is_bad[d] = true;
    };
    for (std::size_t f = 0; f < plans[p].files.size() && !is_bad[d]; ++f) {
      const OutputFile& file = plans[p].files[f];
      const auto with_slash = [&](std::string_view variable, const std::string& value) {
        if (value.find('/') != std::string::npos && has_placeholder(deliverable, variable))
          report(fmt::format("{{{}}} is {}, which holds a /", variable, quote_json(value)),
                 "a name that becomes part of a file name cannot hold a /", "cannot be part of a file name");
      };
      with_slash("title", document.title);
      with_slash("version", version.name);
      with_slash("deliverable", deliverable.name);
      if (file.bus) with_slash("bus", document.buses[*file.bus].name);
      if (is_bad[d]) break;
      if (const auto problem = path_problem(file.path)) {
        report(fmt::format("version \"{}\" would write {}: {}", version.name, quote_json(file.path), *problem),
               "outputs stay inside the output folder, under names that every file system can hold; change \"file\", or the name or "
               "variable in it",
               "not a path for an output");
        break;
      }
      const Owner here{p, f};
      const auto [taken, is_new] = files.emplace(file.path, here);
      if (!is_new) {
        const bool same_deliverable = plans[taken->second.plan].deliverable == d;
        if (tracks_are_sound ? same_render(taken->second, here) : same_deliverable) continue;
        report(fmt::format("two outputs are {}: {} and {}", quote_json(file.path), describe(taken->second), describe(here)),
               same_deliverable ? "put {version} into \"file\", or name in \"versions\" the one that it is for"
                                : "give one of them another \"file\"",
               "not the only one with this path");
        break;
      }
      for (std::size_t slash = file.path.find('/'); slash != std::string::npos; slash = file.path.find('/', slash + 1)) {
        const std::string folder = file.path.substr(0, slash);
        folders.emplace(folder, here);
        if (const auto other = files.find(folder); other != files.end())
          report(fmt::format("{} is a folder for {} and a file for {}", quote_json(folder), describe(here), describe(other->second)),
                 "give one of them another \"file\"", "needs a folder that is a file");
      }
      if (const auto other = folders.find(file.path); other != folders.end())
        report(fmt::format("{} is a file for {} and a folder for {}", quote_json(file.path), describe(here), describe(other->second)),
               "give one of them another \"file\"", "is a folder too");
    }
  }
}

}  // namespace dubfarm::mix
