#include "cli/completion.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace dubfarm::cli {
namespace {

std::vector<const CLI::App*> verbs_of(const CLI::App& app) { return app.get_subcommands([](const CLI::App*) { return true; }); }

/// "--out --store ..." of one verb; of one that has verbs of its own, these and all their options.
std::string option_words(const CLI::App& verb) {
  std::string words;
  const auto add = [&](const std::string& word) {
    if ((" " + words + " ").find(" " + word + " ") == std::string::npos) words += (words.empty() ? "" : " ") + word;
  };
  for (const CLI::App* inner : verbs_of(verb)) add(inner->get_name());
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) add("--" + name);
  for (const CLI::App* inner : verbs_of(verb))
    for (const CLI::Option* option : inner->get_options())
      for (const std::string& name : option->get_lnames()) add("--" + name);
  return words;
}

/// A single-quoted word; quotes inside it are dropped, since descriptions hold none that matter.
std::string quoted(std::string text) {
  std::erase(text, '\'');
  return "'" + text + "'";
}

std::string bash(const CLI::App& app) {
  std::string verbs, cases;
  for (const CLI::App* verb : verbs_of(app)) {
    verbs += (verbs.empty() ? "" : " ") + verb->get_name();
    cases += fmt::format("    {}) words='{}' ;;\n", verb->get_name(), option_words(*verb));
  }
  return fmt::format(R"(# bash completion for dubfarm: source this file, or put it into /etc/bash_completion.d
_dubfarm() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" words=''
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$current"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  if [[ "$current" == -* ]] || {{ [ "$COMP_CWORD" -eq 2 ] && [[ "$words" != -* ]]; }}; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _dubfarm dubfarm
)",
                     verbs, cases);
}

std::string zsh(const CLI::App& app) {
  std::string verbs, cases;
  for (const CLI::App* verb : verbs_of(app)) {
    verbs += fmt::format("    {}\n", quoted(verb->get_name() + ":" + verb->get_description()));
    cases += fmt::format("    {}) compadd -- {} ;;\n", verb->get_name(), option_words(*verb));
  }
  return fmt::format(R"(#compdef dubfarm
# zsh completion for dubfarm: put this file, named _dubfarm, into a folder of $fpath
_dubfarm() {{
  local -a verbs=(
{}  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  if [[ "$words[CURRENT]" != -* && ( CURRENT -gt 3 || "$words[2]" != store ) ]]; then
    _files
    return
  fi
  case "$words[2]" in
{}  esac
}}
_dubfarm "$@"
)",
                     verbs, cases);
}

std::string fish(const CLI::App& app) {
  std::string lines = "# fish completion for dubfarm: put this file into ~/.config/fish/completions/dubfarm.fish\n";
  for (const CLI::App* verb : verbs_of(app)) {
    lines += fmt::format("complete -c dubfarm -n __fish_use_subcommand -f -a {} -d {}\n", verb->get_name(), quoted(verb->get_description()));
    for (const CLI::App* inner : verbs_of(*verb))
      lines += fmt::format("complete -c dubfarm -n '__fish_seen_subcommand_from {}' -f -a {} -d {}\n", verb->get_name(), inner->get_name(), quoted(inner->get_description()));
    for (const CLI::Option* option : verb->get_options())
      for (const std::string& name : option->get_lnames())
        lines += fmt::format("complete -c dubfarm -n '__fish_seen_subcommand_from {}' -l {} -d {}\n", verb->get_name(), name, quoted(option->get_description()));
  }
  return lines;
}

}  // namespace

std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "bash") return bash(app);
  if (shell == "zsh") return zsh(app);
  if (shell == "fish") return fish(app);
  return std::nullopt;
}

}  // namespace dubfarm::cli
