// Messages on the wire: what was sent comes out; anything else is named and refused.
#include "common/wire/frame.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <limits>

namespace dubfarm::wire {
namespace {

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }
Decoded decode(const std::string& frame) { return wire::decode(bytes(frame)); }

Envelope hello() {
  Envelope envelope;
  Hello& hello = *envelope.mutable_hello();
  hello.set_protocol_low(kProtocolLow);
  hello.set_protocol_high(kProtocolHigh);
  hello.set_host("stage-3");
  hello.set_slots(8);
  hello.add_tags("stage");
  hello.add_running()->set_lease(17);
  return envelope;
}

TEST(WireFrame, WhatWasSentComesOut) {
  const Decoded decoded = decode(encode(hello()));
  ASSERT_TRUE(decoded.envelope) << decoded.message;
  EXPECT_EQ(decoded.envelope->SerializeAsString(), hello().SerializeAsString());
}

TEST(WireFrame, EveryMessageHasANameAndASide) {
  const auto* body = Envelope::descriptor()->FindOneofByName("body");
  ASSERT_EQ(body->field_count(), 13);
  for (int i = 0; i < body->field_count(); ++i) {
    const auto type = static_cast<Envelope::BodyCase>(body->field(i)->number());
    EXPECT_EQ(name_of(type), body->field(i)->message_type()->name());
    EXPECT_EQ(is_from_worker(type), type < 20);
  }
}

TEST(WireFrame, AnyBitThatFlipsIsSeen) {
  const std::string sent = encode(hello());
  for (std::size_t bit = 0; bit < 8 * sent.size(); ++bit) {
    std::string frame = sent;
    frame[bit / 8] = static_cast<char>(frame[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(decode(frame).envelope) << "bit " << bit;
  }
}

TEST(WireFrame, WhatDoesNotHoldTogetherIsNamed) {
  const std::string good = encode(hello()), body = good.substr(kHeaderBytes);
  const auto expect = [](const std::string& frame, const char* code, const std::string& text) {
    const Decoded decoded = decode(frame);
    EXPECT_FALSE(decoded.envelope);
    EXPECT_STREQ(decoded.code, code);
    EXPECT_EQ(decoded.message, text);
  };
  expect("DUBW", kNakMalformed, "the message has 4 bytes; its header alone has 24 in this protocol");
  expect(std::string(24, 'x') + body, kNakMalformed, "the header does not begin with \"DUBW\": this is no dubfarm message");
  std::string other = good;
  other[4] = 9;
  expect(other, kNakVersion, "protocol 9; this side speaks 2 to 2: use builds of one release");
  expect(good + "x", kNakMalformed, fmt::format("the header promises {} bytes, {} came", body.size(), body.size() + 1));
  other = good;
  other.back() = static_cast<char>(other.back() ^ 1);
  expect(other, kNakMalformed, "the checksum does not match");
}

TEST(WireFrame, ValuesKeepTheirLimits) {
  const auto problem = [](const Envelope& envelope) { return decode(encode(envelope)).message; };
  Envelope envelope = hello();
  envelope.mutable_hello()->set_host(std::string(256, 'h'));
  EXPECT_EQ(problem(envelope), "hello.host has 256 bytes; the limit is 255");
  envelope = hello();
  envelope.mutable_hello()->set_slots(0);
  EXPECT_EQ(problem(envelope), "hello.slots is 0; 1 to 4096 is allowed");
  envelope = hello();
  for (int i = 0; i < 4096; ++i) envelope.mutable_hello()->add_running();
  EXPECT_EQ(problem(envelope), "hello.running has 4097 entries; the limit is 4096");
  envelope.mutable_ping()->add_running()->set_done(std::numeric_limits<float>::quiet_NaN());
  EXPECT_EQ(problem(envelope), "ping.running.done is nan; 0 to 1 is allowed");
  envelope.mutable_result()->set_outcome(OUTCOME_UNSPECIFIED);
  EXPECT_EQ(problem(envelope), "result.outcome is 0; 1 to 4 is allowed");
}

TEST(WireFrame, AFieldFromALaterReleaseIsPassedOver) {
  Envelope envelope = hello();
  envelope.GetReflection()->MutableUnknownFields(&envelope)->AddVarint(500, 7);
  EXPECT_TRUE(decode(encode(envelope)).envelope);
}

}  // namespace
}  // namespace dubfarm::wire
