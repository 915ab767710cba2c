// The `dubfarm` command. Each verb is a file of its own; this one only says what verbs and options there are.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "cli/completion.hpp"
#include "cli/doctor.hpp"
#include "cli/exit_code.hpp"
#include "cli/client/farm_client.hpp"
#include "cli/client/farm_verbs.hpp"
#include "cli/explain.hpp"
#include "cli/plan.hpp"
#include "cli/init.hpp"
#include "cli/farm/keys.hpp"
#include "cli/measure.hpp"
#include "cli/recut.hpp"
#include "cli/render.hpp"
#include "cli/farm/scheduler.hpp"
#include "cli/store.hpp"
#include "cli/validate.hpp"
#include "cli/verify.hpp"
#include "cli/farm/worker.hpp"

namespace {

using namespace dubfarm::cli;

constexpr const char* kExamples = R"(
Start here:
  dubfarm init FOLDER                    writes a mix document from a folder of stems and dialogue
  dubfarm validate film.mix.json         says everything that is wrong with it, at once
  dubfarm render film.mix.json --out out renders every version of every deliverable, measured
  dubfarm render film.mix.json --out out --version 'fr*' --deliverable stereo
  dubfarm verify out                     says whether every file is still what was delivered

Exit status: 0 done, 1 a check failed, 2 bad input, 3 cannot run here, 130 stopped.)";

int run(int argc, char** argv) {
  CLI::App app{"dubfarm renders a finished mix into every language, re-cut and deliverable, and measures each as delivered.", "dubfarm"};
  app.footer(kExamples);
  app.set_version_flag("--version", "dubfarm " DUBFARM_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(32);
  int status = kDone;

  RenderOptions render;
  CLI::App* verb = app.add_subcommand("render", "Render every output of a mix, or those that the globs choose");
  verb->footer(
      "Outputs appear whole or not at all; report.html and report.json beside them hold their loudness and SHA-256; SHA256SUMS and\n"
      "manifest.json say what was delivered. What was rendered stays in the store: a second render takes it from there, and a render that was stopped goes on where it was.");
  verb->add_option("mix", render.mix, "The mix document (*.mix.json)")->required();
  verb->add_option("--out", render.out, "Folder for the outputs; made if it is not there")->required();
  verb->add_option("--store", render.store, "Folder of rendered chunks (default: ~/.cache/dubfarm)");
  verb->add_option("--store-limit", render.store_limit, "Keep the store below this size from now on: 200G, 1.5T or none");
  verb->add_option("--version", render.version, "Render only the versions whose names match this glob");
  verb->add_option("--deliverable", render.deliverable, "Render only the deliverables whose names match this glob");
  verb->add_option("--threads", render.threads, "Threads to render with (default: all processors that this process may use)")->check(CLI::Range(1, 1024));
  verb->add_option("--backend", render.backend.backend, "cpu, cuda (an error where there is none), or auto: cuda where it is there (default)")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  verb->add_option("--device", render.backend.device, "The CUDA device to render on, as dubfarm doctor counts them (default: 0)")->check(CLI::Range(0, 1023));
  verb->add_option("--device-memory", render.backend.device_memory, "Use no more of the device's memory: 20G, 800M (default: nine tenths of what is free)");
  verb->add_flag("--verify-outputs", render.verify_outputs, "Hash the outputs that are there before they are used again, instead of trusting size and times");
  verb->add_flag("--reprint", render.reprint, "Print every output again, also those that are there unaltered");
  verb->add_flag("--profile", render.profile, "Say on stderr how long each stage was busy, how much went through it, and which is the bottleneck");
  verb->add_flag("--dry-run", render.dry_run, "Say what would be rendered and reused; write nothing");
  verb->add_flag("--json", render.json, "Print the report (or the errors) as JSON on stdout");
  verb->callback([&] { status = run_render(render); });

  std::string validate_mix;
  bool json = false;
  verb = app.add_subcommand("validate", "Check a mix document and its media; say all that is wrong");
  verb->add_option("mix", validate_mix, "The mix document")->required();
  verb->add_flag("--json", json, "Print the errors as a JSON list on stdout");
  verb->callback([&] { status = run_validate(validate_mix, json); });

  MeasureOptions measure;
  verb = app.add_subcommand("measure", "Measure loudness and true peak of finished files (BS.1770-5, EBU Tech 3341 and 3342)");
  verb->add_option("files", measure.files, "Audio files: WAV, RF64, AIFF, FLAC, Ogg and others")->required();
  verb->add_option("--spec", measure.spec, "Judge them by a delivery spec: its name (ebu-r128, netflix-5.1 ...), or a file of your own that ends in .json");
  verb->add_option("--dialogue", measure.dialogue, "The dialogue stem, for specs that measure dialogue; as long as the files");
  verb->add_flag("--leqm", measure.leqm, "Measure Leq(m) (ISO 21727) too");
  verb->add_option("--threads", measure.threads, "Threads to measure with (default: all)")->check(CLI::Range(1, 1024));
  verb->add_flag("--json", json, "Print a JSON list on stdout");
  std::string measure_order = "smpte";
  verb->add_option("--order", measure_order, "Channels of 5.1 and 7.1 files: smpte (the default: L R C LFE ...) or film (L C R ... LFE)")
      ->check(CLI::IsMember({"smpte", "film"}));
  verb->callback([&] {
    measure.json = json;
    measure.order = measure_order == "film" ? dubfarm::mix::ChannelOrder::film : dubfarm::mix::ChannelOrder::smpte;
    status = run_measure(measure);
  });

  std::string verify_folder;
  int verify_threads = 0;
  verb = app.add_subcommand("verify", "Check that a folder of outputs is still what was delivered: hash every file again");
  verb->add_option("folder", verify_folder, "The folder that render wrote (--out)")->required();
  verb->add_option("--threads", verify_threads, "Threads to read with (default: all)")->check(CLI::Range(1, 1024));
  verb->add_flag("--json", json, "Print the result as JSON on stdout");
  verb->callback([&] { status = run_verify(verify_folder, json, verify_threads); });

  std::string init_folder, init_output;
  bool init_force = false;
  verb = app.add_subcommand("init", "Write a mix document from a folder of stems and per-language dialogue");
  verb->add_option("folder", init_folder, "The folder to look into")->required();
  verb->add_option("--output", init_output, "The document to write (default: FOLDER/<name>.mix.json)");
  verb->add_flag("--force", init_force, "Overwrite a document that is there");
  verb->callback([&] { status = run_init(init_folder, init_output, init_force); });

  RecutOptions recut;
  bool no_heal = false;
  verb = app.add_subcommand("recut", "Compare two cut lists of a picture; write the change list and a report of every boundary");
  verb->footer("Lists are CMX3600. Events are the same where reel (or source file) and source timecode agree, with clip names as help.\n"
               "The change list is what a version's \"recut\" takes.");
  verb->add_option("old", recut.old_list, "The cut list that the mix was made to")->required();
  verb->add_option("new", recut.new_list, "The new cut list")->required();
  verb->add_option("-o,--output", recut.output, "The change list to write (JSON); without it only the report is made");
  verb->add_option("--frame-rate", recut.frame_rate, "Of both lists: 24, 25, 29.97df and so on (default: the mix's)");
  verb->add_option("--mix", recut.mix, "A mix of the old cut: say which fades are cut, what jumps, which reverbs ring across");
  verb->add_option("--jump", recut.jump_db, "With --mix: report levels that jump by more than this, in dB (default: 3)")->check(CLI::Range(0.0, 200.0));
  verb->add_option("--inclusive-outs", recut.inclusive_outs, "old, new or both: the lists whose outs name the last frame")->check(CLI::IsMember({"old", "new", "both"}));
  verb->add_flag("--no-heal", no_heal, "Leave a hole where other pictures stand in the same place, instead of the old sound");
  verb->add_flag("--json", recut.json, "Print the report as JSON on stdout");
  verb->callback([&] {
    recut.heal = !no_heal;
    status = run_recut(recut);
  });

  std::string doctor_store;
  verb = app.add_subcommand("doctor", "Say what this machine offers and what dubfarm will use");
  verb->add_option("--store", doctor_store, "The store to look at (default: ~/.cache/dubfarm)");
  verb->add_flag("--json", json, "Print JSON on stdout");
  verb->callback([&] { status = run_doctor(doctor_store, json); });

  PlanOptions plan;
  verb = app.add_subcommand("plan", "Say what a render would render, reuse and share, and how long it takes");
  verb->add_option("mix", plan.mix, "The mix document")->required();
  verb->add_option("--store", plan.store, "Folder of rendered chunks (default: ~/.cache/dubfarm)");
  verb->add_option("--version", plan.version, "Only the versions whose names match this glob");
  verb->add_option("--deliverable", plan.deliverable, "Only the deliverables whose names match this glob");
  verb->add_option("--threads", plan.threads, "Threads that the time is estimated for (default: all)")->check(CLI::Range(1, 1024));
  verb->add_flag("--json", plan.json, "Print JSON on stdout");
  verb->callback([&] { status = run_plan(plan); });

  ExplainOptions explain;
  verb = app.add_subcommand("explain", "Say why chunks are rendered: what changed since the last render of this mix; or why a job waits");
  verb->add_option("mix", explain.mix, "The mix document; or the number of a job of the farm: why it waits")->required();
  verb->add_option("--store", explain.store, "Folder of rendered chunks (default: ~/.cache/dubfarm)");
  verb->add_option("--version", explain.version, "Only the versions whose names match this glob");
  verb->add_option("--stem", explain.stem, "Only the stems whose names match this glob");
  verb->add_option("--at", explain.at, "Only what sounds at this timecode");
  verb->add_flag("--json", explain.json, "Print JSON on stdout");
  FarmTarget farm;
  verb->add_option("--server", farm.server, "With a job: the scheduler's address (default: $DUBFARM_SERVER, else http://127.0.0.1:7461)");
  verb->add_option("--token-file", farm.token_file, "With a job: file with the token (default: $DUBFARM_TOKEN, else ~/.config/dubfarm/token)");
  verb->add_option("--ca", farm.ca, "With a job: certificates to trust, in PEM");
  verb->callback([&] {
    farm.json = explain.json;
    status = names_a_job(explain.mix) ? run_explain_job(farm, explain.mix) : run_explain(explain);
  });
  add_farm_verbs(app, status);

  StoreOptions store;
  verb = app.add_subcommand("store", "Look after the folder of rendered chunks");
  verb->require_subcommand(1);
  const auto store_verb = [&](const char* name, const char* what, int (*act)(const StoreOptions&)) {
    CLI::App* const action = verb->add_subcommand(name, what);
    action->add_option("--store", store.store, "The store (default: ~/.cache/dubfarm)");
    action->callback([&store, &status, act] { status = act(store); });
    return action;
  };
  store_verb("status", "Say what is in the store, its limit, and who uses it", run_store_status)->add_flag("--json", store.json, "Print JSON on stdout");
  store_verb("verify", "Read every chunk and remove those that are damaged; the next render makes them again", run_store_verify)
      ->add_flag("--json", store.json, "Print JSON on stdout");
  CLI::App* const gc = store_verb("gc", "Bring the store below its limit: what was used longest ago goes, but nothing that a running render needs", run_store_gc);
  gc->add_option("--limit", store.limit, "Set the limit first: 200G, 1.5T, a number of bytes, or none");
  gc->add_flag("--json", store.json, "Print JSON on stdout");
  CLI::App* const lose = store_verb("lose", "Delete chunks by chance, to test that nothing depends on them", run_store_lose);
  lose->add_option("--percent", store.percent, "How many of a hundred")->required()->check(CLI::Range(0.0, 100.0));
  lose->add_option("--seed", store.seed, "Which ones (default: 1)");

  SchedulerOptions scheduler;
  verb = app.add_subcommand("scheduler", "Take jobs, plan them, and give them out to workers, until SIGTERM");
  verb->add_option("--state", scheduler.state, "Folder of its database (default: ~/.local/state/dubfarm/scheduler)");
  verb->add_option("--store", scheduler.store, "Folder of rendered chunks, shared with all workers (default: ~/.cache/dubfarm)");
  verb->add_option("--keys", scheduler.keys, "Folder of the keys (default: ~/.config/dubfarm/keys)");
  verb->add_option("--listen", scheduler.listen, "Where workers connect (default: tcp://127.0.0.1:7460)");
  verb->add_option("--http", scheduler.http, "Where the API and the dashboard are, address:port; \"\": nowhere (default: 127.0.0.1:7461)");
  verb->add_option("--tls-cert", scheduler.tls_cert, "PEM file of the API's certificate; needed beyond this machine");
  verb->add_option("--tls-key", scheduler.tls_key, "PEM file of its key, readable by its owner alone");
  verb->add_flag("--insecure", scheduler.insecure, "Serve plain HTTP beyond this machine, where tokens can be read on the way");
  verb->add_option("--root", scheduler.roots, "name=/folder: a folder that mixes may name; nothing outside these is read or written. Several may be given");
  verb->add_option("--threads", scheduler.threads, "Threads that read media while a job is planned (default: all)")->check(CLI::Range(1, 1024));
  verb->add_option("--dead-after", scheduler.dead_after_ms, "Milliseconds of silence after which a worker counts as dead (default: 5000)")->check(CLI::Range(250, 600'000));
  verb->callback([&] { status = run_scheduler(scheduler); });

  WorkerOptions worker;
  verb = app.add_subcommand("worker", "Take tasks from a scheduler and work on them, until SIGTERM");
  verb->footer("SIGTERM drains: what runs is ended and delivered, then the exit status is 0; a second one gives back what runs, at once.\n"
               "Exit status 2: the key, a root or an option is wrong, and starting it again is of no use; 3: no scheduler, or this machine is unfit.\n"
               "A machine with several GPUs runs a worker for each: --device 0, --device 1 and so on.");
  verb->add_option("--scheduler", worker.scheduler, "Where the scheduler listens (default: tcp://127.0.0.1:7460)");
  verb->add_option("--key", worker.key, "The worker's key file, from dubfarm keys worker")->required();
  verb->add_option("--store", worker.store, "Folder of rendered chunks, shared with the scheduler (default: ~/.cache/dubfarm)");
  verb->add_option("--state", worker.state, "Folder of results that the scheduler does not have yet (default: ~/.local/state/dubfarm/worker-NAME)");
  verb->add_option("--root", worker.roots, "name=/folder: where a folder that mixes name lies on this machine. Several may be given");
  verb->add_option("--tags", worker.tags, "What this worker offers: a,b,c")->delimiter(',');
  verb->add_option("--slots", worker.slots, "Tasks at once (default: one for each processor that this process may use)")->check(CLI::Range(1, 1024));
  verb->add_option("--backend", worker.backend.backend, "What renders and prints: cpu, cuda (an NVIDIA GPU), or auto: cuda where it is there (default)")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}));
  verb->add_option("--device", worker.backend.device, "The CUDA device to render on, as dubfarm doctor counts them (default: 0)")->check(CLI::Range(0, 1023));
  verb->add_option("--device-memory", worker.backend.device_memory, "Use no more of the device's memory: 20G, 800M (default: nine tenths of what is free)");
  verb->add_flag("--profile", worker.profile, "At its end say on stderr how long each stage was busy, how much went through it, and which is the bottleneck");
  verb->add_flag("--once", worker.once, "Leave after one task");
  verb->add_option("--idle-exit", worker.idle_exit, "Leave after so long without a task: 120s, 15m");
  verb->add_option("--max-life", worker.max_life, "Drain after so long: 4h");
  verb->add_option("--drain-budget", worker.drain_budget, "What runs may take so long to end when it drains, then it is given back (default: no limit)");
  verb->add_option("--orphan-timeout", worker.orphan_timeout, "Give up after so long without a scheduler (default: 5m)");
  verb->callback([&] { status = run_worker_verb(worker); });

  KeysOptions keys;
  verb = app.add_subcommand("keys", "Make and revoke the keys by which scheduler and workers know each other");
  verb->require_subcommand(1);
  const auto keys_verb = [&](const char* name, const char* what, int (*act)(const KeysOptions&)) {
    CLI::App* const action = verb->add_subcommand(name, what);
    action->callback([&keys, &status, act] { status = act(keys); });
    return action;
  };
  keys_verb("init", "Make the scheduler's pair", run_keys_init)->add_option("folder", keys.folder, "Folder of the keys; made if it is not there (default: ~/.config/dubfarm/keys)");
  CLI::App* const keys_worker = keys_verb("worker", "Make a worker's pair and let it in", run_keys_worker);
  keys_worker->add_option("name", keys.name, "What the worker is called, here and on the dashboard")->required();
  keys_worker->add_option("--out", keys.out, "Where its key file goes (default: workers/NAME.key among the keys)");
  CLI::App* const keys_revoke = keys_verb("revoke", "Let a worker in no more, at once", run_keys_revoke);
  keys_revoke->add_option("name", keys.name, "The worker's name")->required();
  CLI::App* const keys_list = keys_verb("list", "Say which workers are let in", run_keys_list);
  keys_list->add_flag("--json", keys.json, "Print JSON on stdout");
  for (CLI::App* const action : {keys_worker, keys_revoke, keys_list}) action->add_option("--keys", keys.folder, "Folder of the keys (default: ~/.config/dubfarm/keys)");

  std::string shell;
  verb = app.add_subcommand("completion", "Print a completion script for bash, zsh or fish");
  verb->add_option("shell", shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([&] { fmt::print("{}", completion_script(app, shell).value()); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadInput;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "error: out of memory; close other programs, or render with fewer --threads\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}; this is a fault in dubfarm, please report it\n", error.what());
  }
  return kCannotRun;
}
