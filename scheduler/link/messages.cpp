#include "scheduler/link/messages.hpp"

#include <algorithm>
#include <cstring>

#include "common/wire/frame.hpp"

namespace dubfarm::link {
namespace {

farm::LeaseRef from_wire(const wire::LeaseRef& ref) { return {ref.lease(), ref.job(), ref.task(), ref.attempt()}; }

void to_wire(const farm::LeaseRef& ref, wire::LeaseRef& out) {
  out.set_lease(ref.lease);
  out.set_job(ref.job);
  out.set_task(ref.task);
  out.set_attempt(ref.attempt);
}

farm::TaskResult from_wire(const wire::Result& result, const farm::Connection& connection, farm::SessionId session) {
  farm::TaskResult out;
  out.connection = connection;
  out.session = session;
  out.lease = from_wire(result.lease());
  switch (result.outcome()) {
    case wire::DONE: out.outcome = farm::Outcome::done; break;
    case wire::LOST_INPUTS: out.outcome = farm::Outcome::lost_inputs; break;
    case wire::RELEASED: out.outcome = farm::Outcome::released; break;
    default: out.outcome = farm::Outcome::failed;
  }
  std::memcpy(out.digest.data(), result.digest().data(), std::min(out.digest.size(), result.digest().size()));
  out.lost.assign(result.lost().begin(), result.lost().end());
  out.error = result.error();
  out.device_seconds = result.device_seconds();
  out.bytes_read = result.bytes_read();
  out.bytes_written = result.bytes_written();
  return out;
}

std::uint32_t ms_of(farm::Time time) { return static_cast<std::uint32_t>(time.count()); }

template <class... F>
struct Each : F... {
  using F::operator()...;
};
template <class... F>
Each(F...) -> Each<F...>;  // clang 14 does not deduce it

}  // namespace

std::optional<farm::Event> event_of(const wire::Envelope& envelope, const farm::Connection& connection, const std::string& key) {
  switch (envelope.body_case()) {
    case wire::Envelope::kHello: {
      const wire::Hello& hello = envelope.hello();
      farm::Hello event;
      event.connection = connection;
      event.key = key;
      event.boot = hello.boot();
      event.profile = hello.numeric_profile();
      event.build = hello.build();
      event.host = hello.host();
      event.device = hello.device();
      event.tags.assign(hello.tags().begin(), hello.tags().end());
      event.slots = hello.slots();
      event.memory_bytes = hello.memory_bytes();
      for (const wire::LeaseRef& lease : hello.running()) event.running.push_back(from_wire(lease));
      for (const wire::Result& result : hello.unacknowledged()) event.unacknowledged.push_back(from_wire(result, connection, 0));
      return event;
    }
    case wire::Envelope::kWant: return farm::Want{connection, envelope.session(), envelope.want().credit()};
    case wire::Envelope::kPing: {
      farm::Ping event{connection, envelope.session(), envelope.ping().number(), {}};
      for (const wire::Progress& progress : envelope.ping().running()) event.running.push_back({from_wire(progress.lease()), progress.done()});
      return event;
    }
    case wire::Envelope::kResult: return from_wire(envelope.result(), connection, envelope.session());
    case wire::Envelope::kBye: return farm::Bye{envelope.session(), envelope.bye().reason()};
    default: return std::nullopt;
  }
}

wire::Envelope envelope_of(const farm::Send& send, farm::Epoch epoch) {
  wire::Envelope envelope;
  envelope.set_session(send.session);
  envelope.set_epoch(epoch);
  std::visit(Each{
                 [&](const farm::Welcome& message) {
                   wire::Welcome& out = *envelope.mutable_welcome();
                   out.set_protocol(wire::kProtocolHigh);
                   out.set_epoch(message.epoch);
                   out.set_session(message.session);
                   out.set_ping_interval_ms(ms_of(message.ping_interval));
                   out.set_dead_after_ms(ms_of(message.dead_after));
                   for (const farm::LeaseRef& lease : message.keep) to_wire(lease, *out.add_keep());
                   for (const farm::LeaseRef& lease : message.drop) to_wire(lease, *out.add_drop());
                 },
                 [&](const farm::Assign& message) {
                   wire::Assign& out = *envelope.mutable_assign();
                   to_wire(message.lease, *out.mutable_lease());
                   out.set_kind(farm::name_of(message.kind));
                   out.set_subject(message.subject);
                   out.set_package(message.package);
                   out.set_deadline_s(message.deadline_s);
                   out.set_afresh(message.afresh);
                 },
                 [&](const farm::CancelLease& message) { to_wire(message.lease, *envelope.mutable_cancel()->mutable_lease()); },
                 [&](const farm::Pong& message) {
                   wire::Pong& out = *envelope.mutable_pong();
                   out.set_number(message.number);
                   for (const farm::LeaseRef& lease : message.drop) to_wire(lease, *out.add_drop());
                 },
                 [&](const farm::ResultAck& message) { to_wire(message.lease, *envelope.mutable_result_ack()->mutable_lease()); },
                 [&](const farm::Drain& message) { envelope.mutable_drain()->set_budget_s(message.budget_s); },
                 [&](const farm::Nak& message) {
                   envelope.mutable_nak()->set_code(message.code);
                   envelope.mutable_nak()->set_message(message.message);
                 },
             },
             send.message);
  return envelope;
}

}  // namespace dubfarm::link
