#include "scheduler/delivery/report_html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "scheduler/delivery/report_style.hpp"

namespace dubfarm::scheduler {
namespace {

constexpr int kFloorLufs = -60;  // the plot's lower edge; its upper is 0
constexpr std::size_t kShownWarnings = 8;
constexpr std::string_view kMinus = "\u2212";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

/// With a true minus sign; "-0.0" is "0.0".
std::string number(double value, int decimals) {
  const std::string digits = fmt::format("{:.{}f}", std::abs(value), decimals);
  return value < 0 && digits.find_first_not_of("0.") != std::string::npos ? std::string(kMinus) + digits : digits;
}
std::string number(const std::optional<double>& value, int decimals = 1) { return value ? number(*value, decimals) : "\u2013"; }

std::string count_of(std::size_t count, std::string_view noun) { return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s"); }

CheckResult worse(CheckResult a, CheckResult b) { return std::max(a, b); }
CheckResult result_of(const ReportOutput& output) {
  CheckResult result = CheckResult::pass;
  for (const Check& check : output.checks) result = worse(result, check.result);
  return result;
}
const char* style_of(CheckResult result) { return result == CheckResult::pass ? "pass" : result == CheckResult::warning ? "warning" : "fail"; }
const char* symbol_of(CheckResult result) { return result == CheckResult::pass ? "\u2713" : result == CheckResult::warning ? "!" : "\u2715"; }
const char* word_of(CheckResult result) { return result == CheckResult::pass ? "pass" : result == CheckResult::warning ? "look at" : "fail"; }

std::string name_of(const ReportOutput& output) {
  return output.bus ? fmt::format("{} \u00b7 {} \u00b7 {}", output.version, output.deliverable, *output.bus)
                    : fmt::format("{} \u00b7 {}", output.version, output.deliverable);
}

std::string length_of(const Report& report) {
  const auto seconds = static_cast<std::int64_t>(std::llround(static_cast<double>(report.length) / std::max(1, report.sample_rate)));
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

/// One page on its way.
class Page {
 public:
  explicit Page(const Report& report) : report_(report) {}

  std::string html() {
    out_ = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"generator\" content=\"dubfarm " DUBFARM_VERSION "\">\n";
    const std::string title = report_.title.empty() ? report_.mix : report_.title;
    add("<title>{}: delivery report</title>\n<style>{}</style>\n</head>\n<body>\n", escaped(title), kReportStyle);
    head(title);
    out_ += "<main>\n";
    matrix();
    attention();
    out_ += "<h2>Outputs</h2>\n";
    for (std::size_t i = 0; i < report_.outputs.size(); ++i) output(i);
    out_ += "</main>\n";
    add("<footer>Every figure was measured on the delivered samples: loudness by ITU-R BS.1770-5, momentary and short-term by EBU Tech 3341, range by EBU "
        "Tech 3342, true peak four times oversampled. <code>dubfarm verify</code> or <code>sha256sum -c SHA256SUMS</code> tells whether the files are still "
        "these. Written by dubfarm {}.</footer>\n</body>\n</html>\n",
        DUBFARM_VERSION);
    return std::move(out_);
  }

 private:
  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void head(const std::string& title) {
    std::size_t failed = 0, doubtful = 0, judged = 0;
    for (const ReportOutput& o : report_.outputs) {
      const CheckResult result = result_of(o);
      failed += result == CheckResult::fail ? 1 : 0;
      doubtful += result == CheckResult::warning ? 1 : 0;
      judged += o.checks.empty() ? 0 : 1;
    }
    add("<header class=\"top\">\n<h1>{}</h1>\n<div class=\"meta\"><span>{}</span><span>{} at {} fps from {}</span><span>{} Hz</span><span>{}</span></div>\n",
        escaped(title), count_of(report_.outputs.size(), "output"), length_of(report_), mix::name_of(report_.frame_rate),
        mix::format_timecode(report_.start_frames, report_.frame_rate), report_.sample_rate, escaped(report_.mix));
    const std::size_t total = report_.outputs.size();
    if (failed > 0)
      add("<p class=\"verdict fail\">{} {} of {} must not be delivered as {}.</p>\n", symbol_of(CheckResult::fail), failed, count_of(total, "output"),
          failed == 1 ? "it is" : "they are");
    else if (doubtful > 0)
      add("<p class=\"verdict warning\">{} Nothing fails. {} to look at before delivery.</p>\n", symbol_of(CheckResult::warning),
          doubtful == 1 ? "One output is" : fmt::format("{} outputs are", doubtful));
    else if (judged > 0)
      add("<p class=\"verdict pass\">{} {} what was asked of {}.</p>\n", symbol_of(CheckResult::pass),
          total == 1 ? "The output is" : fmt::format("All {} outputs are", total), total == 1 ? "it" : "them");
    else
      out_ += "<p class=\"verdict\">Measured only: no check was asked of these outputs.</p>\n";
    out_ += "</header>\n";
  }

  /// Versions by deliverables; a cell stands for all outputs of both (the stems, say), and leads to the worst of them.
  void matrix() {
    std::vector<std::string> versions, deliverables;
    std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> cells;
    const auto note = [](std::vector<std::string>& names, const std::string& name) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (std::size_t i = 0; i < report_.outputs.size(); ++i) {
      const ReportOutput& o = report_.outputs[i];
      note(versions, o.version);
      note(deliverables, o.deliverable);
      cells[{o.version, o.deliverable}].push_back(i);
    }
    out_ += "<h2>Versions by deliverables</h2>\n<div class=\"scroll\"><table class=\"matrix\">\n<thead><tr><th></th>";
    for (const std::string& d : deliverables) add("<th scope=\"col\">{}</th>", escaped(d));
    out_ += "</tr></thead>\n<tbody>\n";
    for (const std::string& v : versions) {
      add("<tr><th scope=\"row\">{}</th>", escaped(v));
      for (const std::string& d : deliverables) {
        const auto found = cells.find({v, d});
        if (found == cells.end()) {
          out_ += "<td class=\"none\">\u00b7</td>";
          continue;
        }
        const std::vector<std::size_t>& members = found->second;
        const std::size_t worst = *std::max_element(members.begin(), members.end(), [&](std::size_t a, std::size_t b) {
          return result_of(report_.outputs[a]) < result_of(report_.outputs[b]);
        });
        const ReportOutput& o = report_.outputs[worst];
        const CheckResult result = result_of(o);
        const auto what = members.size() > 1 ? count_of(members.size(), "file set") : judged_loudness(o);
        const bool is_judged = !o.checks.empty();
        add("<td class=\"{0}\"><a class=\"{0}\" href=\"#o{1}\">{2}<small>{3}</small></a></td>", is_judged ? style_of(result) : "soft", worst,
            is_judged ? fmt::format("{} {}", symbol_of(result), word_of(result)) : "measured", what);
      }
      out_ += "</tr>\n";
    }
    out_ += "</tbody></table></div>\n";
  }

  /// The loudness that the verdict goes by: of dialogue where the spec asks for it, else of the programme.
  static std::string judged_loudness(const ReportOutput& o) {
    const auto judged = std::find_if(o.checks.begin(), o.checks.end(), [](const Check& c) { return c.id == "loudness" && c.measured; });
    if (judged == o.checks.end()) return number(o.loudness.integrated_lufs) + " LUFS";
    return fmt::format("{} {}{}", number(judged->measured), escaped(judged->unit), judged->is_of_dialogue ? " dialogue" : "");
  }

  void attention() {
    std::string fails, warnings;
    for (std::size_t i = 0; i < report_.outputs.size(); ++i)
      for (const Check& check : report_.outputs[i].checks) {
        if (check.result == CheckResult::pass) continue;
        std::string& list = check.result == CheckResult::fail ? fails : warnings;
        list += fmt::format("<li><b class=\"{}\">{}</b>{} <a class=\"soft\" href=\"#o{}\">{}</a></li>\n", style_of(check.result), symbol_of(check.result),
                            escaped(check.sentence), i, escaped(name_of(report_.outputs[i])));
      }
    if (!fails.empty()) add("<h2>What fails</h2>\n<ul class=\"said\">\n{}</ul>\n", fails);
    if (warnings.empty()) return;
    const auto count = static_cast<std::size_t>(std::count(warnings.begin(), warnings.end(), '\n'));
    const bool is_long = count > kShownWarnings;  // what fails must not drown
    add("<h2>To look at</h2>\n{}<ul class=\"said\">\n{}</ul>\n{}", is_long ? fmt::format("<details><summary>{} warnings</summary>\n", count) : "", warnings,
        is_long ? "</details>\n" : "");
  }

  void output(std::size_t index) {
    const ReportOutput& o = report_.outputs[index];
    const CheckResult result = result_of(o);
    std::size_t passed = 0;
    for (const Check& check : o.checks) passed += check.result == CheckResult::pass ? 1 : 0;
    add("<article id=\"o{}\">\n<header><h3>{} <small>{}</small></h3>", index, escaped(name_of(o)), o.layout);
    if (o.checks.empty()) out_ += "<span class=\"badge soft\">measured</span></header>\n";
    else
      add("<span class=\"badge {0}\">{1} {2}</span></header>\n", style_of(result), symbol_of(result),
          result == CheckResult::pass ? fmt::format("{} pass", count_of(passed, "check")) : fmt::format("{} of {} pass", passed, count_of(o.checks.size(), "check")));
    figures(o);
    plot(o);
    checks(o);
    files(o);
    out_ += "</article>\n";
  }

  void figures(const ReportOutput& o) {
    const auto figure = [&](std::string_view name, const std::string& value, std::string_view unit) {
      add("<div><dt>{}</dt><dd>{} <small>{}</small></dd></div>", name, value, unit);
    };
    const LoudnessReading& l = o.loudness;
    out_ += "<dl class=\"figures\">";
    figure("Integrated", l.integrated_lufs ? number(l.integrated_lufs) : std::string(kMinus) + "inf", l.integrated_lufs ? "LUFS" : "(silence)");
    if (l.dialogue && l.dialogue->loudness_lufs)
      figure("Dialogue", number(l.dialogue->loudness_lufs), fmt::format("LUFS, {:.0f} % speech", 100 * l.dialogue->speech_share));
    figure("Loudness range", number(l.range_lu), "LU");
    figure("Loudest moment", number(l.max_momentary_lufs), "LUFS");
    figure("Loudest 3 seconds", number(l.max_short_term_lufs), "LUFS");
    figure("True peak", number(l.true_peak_dbtp), "dBTP");
    figure("Clipped", fmt::format("{}", o.clipped_samples), o.clipped_samples == 1 ? "sample" : "samples");
    out_ += "</dl>\n";
  }

  /// What the spec accepts as loudness, where it is one range.
  static const Check* loudness_check(const ReportOutput& o) {
    const auto found = std::find_if(o.checks.begin(), o.checks.end(), [](const Check& c) { return c.id == "loudness" && c.min && c.max; });
    return found == o.checks.end() ? nullptr : &*found;
  }

  /// A curve in the plot's units: a point each, tenths of a LU below 0.
  static std::string curve(const std::vector<std::optional<double>>& points) {
    std::string d;
    bool is_down = false;
    for (std::size_t x = 0; x < points.size(); ++x) {
      if (!points[x] || *points[x] < kFloorLufs) {
        is_down = false;
        continue;
      }
      d += fmt::format("{}{} {}", is_down ? "L" : "M", x, std::clamp<long>(std::lround(-10 * *points[x]), 0, -10 * kFloorLufs));
      is_down = true;
    }
    return d;
  }

  void plot(const ReportOutput& o) {
    const Series& series = o.series;
    const std::size_t points = series.peak_dbfs.size();
    if (points < 2) return;
    const std::size_t width = points - 1;
    const auto top = [](double lufs) { return std::clamp(100 * lufs / kFloorLufs, 0.0, 100.0); };
    const Check* limit = loudness_check(o);
    const auto highest = std::find_if(o.checks.begin(), o.checks.end(), [](const Check& c) { return c.id == "true_peak" && c.max; });
    out_ += "<div class=\"marks\">";
    for (const PeakMark& mark : o.peaks) {
      const bool is_over = highest != o.checks.end() && mark.dbtp > *highest->max;
      add("<i{} style=\"left:{:.2f}%\" title=\"true peak {} dBTP at {}\"></i>", is_over ? " class=\"fail\"" : "",
          100.0 * static_cast<double>(mark.at) / static_cast<double>(std::max<Frames>(1, report_.length)), number(mark.dbtp, 1), timecode_at(report_, mark.at));
    }
    add("</div>\n<div class=\"plot\"><svg viewBox=\"0 0 {0} {1}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Loudness over time\">", width,
        -10 * kFloorLufs);
    if (limit != nullptr)
      add("<rect class=\"band\" x=\"0\" width=\"{}\" y=\"{:.0f}\" height=\"{:.0f}\"/>", width, -10 * *limit->max, std::max(4.0, 10 * (*limit->max - *limit->min)));
    for (int level = -10; level > kFloorLufs; level -= 10) add("<line class=\"grid\" x1=\"0\" x2=\"{0}\" y1=\"{1}\" y2=\"{1}\"/>", width, -10 * level);
    add("<path class=\"m\" d=\"{}\"/><path class=\"s\" d=\"{}\"/>", curve(series.momentary_lufs), curve(series.short_term_lufs));
    if (o.loudness.integrated_lufs && *o.loudness.integrated_lufs > kFloorLufs)
      add("<line class=\"i\" x1=\"0\" x2=\"{0}\" y1=\"{1:.0f}\" y2=\"{1:.0f}\"/>", width, -10 * std::min(0.0, *o.loudness.integrated_lufs));
    out_ += "</svg>";
    for (int level = -10; level > kFloorLufs; level -= 10) add("<span class=\"y\" style=\"top:{:.1f}%\">{}</span>", top(level), number(level, 0));
    add("</div>\n<div class=\"plot wave\"><svg viewBox=\"0 -100 {0} 200\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Waveform\"><path class=\"w\" d=\"M0 0",
        width);
    const auto height = [](const std::optional<double>& dbfs) { return dbfs ? std::min<long>(100, std::lround(100 * std::pow(10, *dbfs / 20))) : 0; };
    for (std::size_t x = 0; x < points; ++x) add("L{} {}", x, -height(series.peak_dbfs[x]));
    for (std::size_t x = points; x-- > 0;) add("L{} {}", x, height(series.peak_dbfs[x]));
    out_ += "Z\"/></svg></div>\n<div class=\"times\">";
    for (int quarter = 0; quarter <= 4; ++quarter) add("<span>{}</span>", timecode_at(report_, report_.length * quarter / 4));
    out_ += "</div>\n<div class=\"legend\"><span><b style=\"color:var(--curve)\"></b>short-term (3 s)</span><span><b style=\"color:var(--thin)\"></b>momentary (0.4 s)</span>";
    if (o.loudness.integrated_lufs) add("<span><b style=\"border-top-style:dashed\"></b>integrated {} LUFS</span>", number(o.loudness.integrated_lufs));
    if (limit != nullptr)
      add("<span><b style=\"color:var(--band);border-top-width:9px;opacity:.3;vertical-align:1px\"></b>{} accepts {}</span>", escaped(limit->spec), escaped(limit->required_text));
    if (!o.peaks.empty()) {
      const auto loudest = std::max_element(o.peaks.begin(), o.peaks.end(), [](const PeakMark& a, const PeakMark& b) { return a.dbtp < b.dbtp; });
      add("<span>\u25be true peaks, highest at {}</span>", timecode_at(report_, loudest->at));
    }
    out_ += "</div>\n";
  }

  void checks(const ReportOutput& o) {
    if (o.checks.empty()) return;
    std::vector<const Check*> order;
    for (const Check& check : o.checks) order.push_back(&check);
    std::stable_sort(order.begin(), order.end(), [](const Check* a, const Check* b) { return a->result > b->result; });
    out_ += "<table class=\"checks\">\n<thead><tr><th></th><th>Check</th><th>Measured</th><th>Asked</th><th>By</th></tr></thead>\n<tbody>\n";
    for (const Check* check : order) {
      add("<tr><td class=\"r {}\">{} {}</td><td>{}", style_of(check->result), symbol_of(check->result), word_of(check->result), escaped(check->title));
      if (check->result != CheckResult::pass) add("<p>{}</p>", escaped(check->sentence));
      const std::string place = check->spec.empty() ? "dubfarm" : fmt::format("{}{}{}", check->edition.empty() ? "" : check->edition, check->edition.empty() || check->section.empty() ? "" : ", ", check->section);
      add("</td><td class=\"n\" data-is=\"Measured\">{}</td><td class=\"n\" data-is=\"Asked\">{}</td><td>{}{}{}</td></tr>\n", escaped(check->measured_text),
          check->required_text.empty() ? "\u2013" : escaped(check->required_text), check->spec.empty() ? "" : escaped(check->spec) + " ",
          fmt::format("<span class=\"soft\">{}</span>", escaped(place)),
          check->is_verified ? "" : " <span class=\"warning\" title=\"Our number comes from another reader of the document.\">second-hand</span>");
    }
    out_ += "</tbody></table>\n";
  }

  void files(const ReportOutput& o) {
    std::uint64_t bytes = 0;
    for (const ReportFile& file : o.files) bytes += file.bytes;
    add("<details><summary>{}, {:.1f} MB</summary>\n<ul class=\"files\">\n", count_of(o.files.size(), "file"), static_cast<double>(bytes) / 1e6);
    for (const ReportFile& file : o.files) {
      std::string channels;
      for (const std::string& channel : file.channels) channels += (channels.empty() ? "" : " ") + channel;
      add("<li>{} <span class=\"soft\">{}</span><br><code>{}</code></li>\n", escaped(file.path), escaped(channels), file.sha256);
    }
    out_ += "</ul></details>\n";
  }

  const Report& report_;
  std::string out_;
};

}  // namespace

std::string report_html(const Report& report) { return Page(report).html(); }

}  // namespace dubfarm::scheduler
