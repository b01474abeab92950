#include "vmm/backends/input/text_typist.h"

#include <algorithm>
#include <utility>

#include <linux/input-event-codes.h>

namespace vivarium {

namespace {

constexpr KeyCode kShift{KEY_LEFTSHIFT};
constexpr char32_t kReplacement = 0xFFFD;

// The first character of `text`, which it is removed from; U+FFFD for a byte that is no UTF-8
// (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
char32_t takeCharacter(std::string_view& text) {
    auto first = static_cast<uint8_t>(text[0]);
    text.remove_prefix(1);
    if (first < 0x80)
        return first;
    unsigned more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || text.size() < more)
        return kReplacement;
    char32_t character = first & (0x3Fu >> more);
    for (unsigned i = 0; i < more; ++i) {
        auto byte = static_cast<uint8_t>(text[i]);
        if ((byte & 0xC0) != 0x80)
            return kReplacement;
        character = character << 6 | (byte & 0x3F);
    }
    constexpr char32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (character < kSmallest[more] || character > 0x10FFFF ||
        (character >= 0xD800 && character < 0xE000))
        return kReplacement;
    text.remove_prefix(more);
    return character;
}

void appendUtf8(std::string& text, char32_t character) {
    if (character < 0x80) {
        text += static_cast<char>(character);
        return;
    }
    unsigned more = character >= 0x10000 ? 3 : character >= 0x800 ? 2 : 1;
    text += static_cast<char>((0xFF00u >> (more + 1) & 0xFF) | character >> (6 * more));
    while (more-- > 0)
        text += static_cast<char>(0x80 | (character >> (6 * more) & 0x3F));
}

bool isLetter(KeyCode key) {
    auto code = static_cast<unsigned>(key);
    return (code >= KEY_Q && code <= KEY_P) || (code >= KEY_A && code <= KEY_L) ||
           (code >= KEY_Z && code <= KEY_M);
}

} // namespace

TextTypist::TextTypist(InputRouter& input, TimerQueue& timers)
    : m_input(input), m_clock(timers.clock()), m_timer(timers, [this] { step(); }) {}

Result<void> TextTypist::start(std::string_view text, uint32_t delayMs, Completion done) {
    if (typing())
        return fail(ErrorCode::Busy, "another text is being typed");
    if (text.size() > kMaxTextBytes)
        return fail(ErrorCode::LimitExceeded, "the text to type is longer than 64 KiB");
    if (delayMs > kMaxDelayMs)
        return fail(ErrorCode::InvalidArgument, "the delay between keys is above 1000 ms");
    m_strokes.clear();
    m_skipped.clear();
    while (!text.empty()) {
        bool carriageReturn = text[0] == '\r';
        char32_t character = takeCharacter(text);
        if (carriageReturn && !text.empty() && text[0] == '\n')
            text.remove_prefix(1);
        if (auto stroke = keyStrokeForCharacter(character))
            m_strokes.push_back(*stroke);
        else if (m_skipped.size() + 4 <= kMaxTextBytes)
            appendUtf8(m_skipped, character);
    }
    m_next = 0;
    m_phase = Phase::Press;
    m_holdNs = uint64_t{delayMs} * 1'000'000 / 2;
    m_gapNs = uint64_t{delayMs} * 1'000'000 - m_holdNs;
    m_waitingSinceNs = 0;
    m_done = std::move(done);
    if (!m_done)
        m_done = [](Outcome, const std::string&) {};
    m_timer.arm(m_clock.nowNs());
    return {};
}

void TextTypist::cancel() {
    if (!typing())
        return;
    release();
    finish(Outcome::Cancelled);
}

void TextTypist::step() {
    uint64_t nowNs = m_clock.nowNs();
    if (m_phase == Phase::Release) {
        release();
        m_phase = Phase::Press;
        m_timer.arm(nowNs + m_gapNs);
        return;
    }
    if (m_next == m_strokes.size()) {
        finish(Outcome::Typed);
        return;
    }
    // A slow guest (firmware, an emulated CPU) gets the next key when it has read the last one.
    if (m_input.keysPending()) {
        if (m_waitingSinceNs == 0)
            m_waitingSinceNs = std::max<uint64_t>(nowNs, 1);
        if (nowNs - m_waitingSinceNs >= kStallNs) {
            finish(Outcome::Stalled);
            return;
        }
        m_timer.arm(nowNs + std::max<uint64_t>(m_gapNs, kPollNs));
        return;
    }
    m_waitingSinceNs = 0;
    press(m_strokes[m_next++]);
    m_phase = Phase::Release;
    m_timer.arm(nowNs + m_holdNs);
}

void TextTypist::press(const KeyStroke& stroke) {
    bool shift = stroke.shift;
    if (m_input.leds().capsLock && isLetter(stroke.key))
        shift = !shift;
    m_shiftDown = shift;
    m_down = stroke.key;
    if (shift)
        m_input.key(kShift, true);
    m_input.key(stroke.key, true);
}

void TextTypist::release() {
    if (!m_down)
        return;
    m_input.key(*m_down, false);
    if (m_shiftDown)
        m_input.key(kShift, false);
    m_down.reset();
}

void TextTypist::finish(Outcome outcome) {
    m_timer.cancel();
    m_strokes.clear();
    Completion done = std::exchange(m_done, nullptr);
    done(outcome, std::exchange(m_skipped, {}));
}

} // namespace vivarium
