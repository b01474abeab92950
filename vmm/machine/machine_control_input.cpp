#include "vmm/machine/machine_control.h"

#include <utility>

namespace vivarium {

using control::Answer;
using control::ClientId;
using control::Empty;

InputSession& MachineControl::inputOf(ClientId client, Board& board) {
    auto& session = m_inputs[client];
    if (!session)
        session = std::make_unique<InputSession>(board.input());
    return *session;
}

Result<std::vector<KeyCode>>
MachineControl::parseKeys(const std::vector<std::string>& names) const {
    std::vector<KeyCode> keys;
    for (const std::string& name : names) {
        const auto code = keyCodeFromName(name);
        if (!code)
            return fail(ErrorCode::InvalidArgument, "there is no key called \"" + name + "\"");
        keys.push_back(*code);
    }
    return keys;
}

void MachineControl::handle(const control::Key& request, Call<control::Key> call) {
    auto keys = parseKeys(request.keys);
    if (!keys)
        return call.respond(keys.error());
    {
        auto board = m_machine->board();
        InputSession& input = inputOf(call.client, *board);
        board->display().expectChange();
        if (request.action == control::KeyAction::Press) {
            // Guest time stands still while the machine is paused: nothing could be held then.
            const uint32_t holdMs = state() == control::MachineState::Running ? request.holdMs : 0;
            m_keyPresser->press(input, std::move(*keys), holdMs,
                                [this, respond = std::move(call.respond)] {
                                    later([respond] { respond(Answer<Empty>{}); });
                                });
            return;
        }
        for (KeyCode key : *keys)
            input.key(key, request.action == control::KeyAction::Down);
    }
    call.respond(Answer<Empty>{});
}

void MachineControl::handle(const control::PointerRelative& request,
                            Call<control::PointerRelative> call) {
    {
        auto board = m_machine->board();
        board->display().expectChange();
        inputOf(call.client, *board)
            .relativePointer({request.dx, request.dy, request.wheel, request.buttons});
    }
    call.respond(Answer<Empty>{});
}

void MachineControl::handle(const control::PointerAbsolute& request,
                            Call<control::PointerAbsolute> call) {
    {
        auto board = m_machine->board();
        board->display().expectChange();
        const ScanoutInfo& info = board->display().scanout().info;
        board->input().setScanoutSize(info.width, info.height);
        inputOf(call.client, *board)
            .absolutePointer({request.x, request.y, request.wheel, request.buttons});
    }
    call.respond(Answer<Empty>{});
}

void MachineControl::handle(const control::TypeText& request, Call<control::TypeText> call) {
    Result<void> started;
    {
        auto board = m_machine->board();
        started = m_typist->start(request.text, request.delayMs,
                                  [this](TextTypist::Outcome outcome, const std::string& skipped) {
                                      typingEnded(outcome, skipped);
                                  });
        if (started)
            m_typing = Typing{call.client, call.respond};
    }
    if (!started)
        call.respond(started.error());
}

// Device lock held; the loop's thread.
void MachineControl::typingEnded(TextTypist::Outcome outcome, const std::string& skipped) {
    if (!m_typing)
        return;
    Result<Answer<control::TypeTextReply>> reply = Answer<control::TypeTextReply>{{skipped}, {}};
    switch (outcome) {
    case TextTypist::Outcome::Typed:
        break;
    case TextTypist::Outcome::Cancelled:
        reply = fail(ErrorCode::Cancelled, "typing was cancelled");
        break;
    case TextTypist::Outcome::Stalled:
        reply = fail(ErrorCode::Timeout, "the guest does not read its keyboard");
        break;
    }
    // A std::function must be copyable, descriptors are not.
    auto shared = std::make_shared<Result<Answer<control::TypeTextReply>>>(std::move(reply));
    later(
        [respond = std::exchange(m_typing, {})->respond, shared] { respond(std::move(*shared)); });
}

void MachineControl::handle(const control::CancelTyping&, Call<control::CancelTyping> call) {
    {
        auto board = m_machine->board();
        m_typist->cancel();
    }
    call.respond(Answer<Empty>{});
}

void MachineControl::ledsChanged(const KeyboardLeds& leds) {
    later([this, leds] {
        m_server.publish(control::LedsChanged{leds.scrollLock, leds.numLock, leds.capsLock});
    });
}

void MachineControl::pointerModeChanged(bool absolute) {
    later([this, absolute] { m_server.publish(control::PointerModeChanged{absolute}); });
}

} // namespace vivarium
