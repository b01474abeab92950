#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/messages.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace vivarium::control {

// One connection of a ControlServer; never used twice.
using ClientId = uint64_t;

// A reply and the descriptors that go with it.
template <class Reply>
struct Answer {
    Reply value{};
    std::vector<UniqueFd> descriptors{};
};

// Answers one request; to be called exactly once, now or later, on the loop's thread. Harmless when
// the client has gone.
template <class Request>
using Responder = std::function<void(Result<Answer<typename Request::Reply>>)>;

// A request's circumstances.
template <class Request>
struct Call {
    ClientId client = 0;
    std::vector<UniqueFd> descriptors; // that came with it
    Responder<Request> respond;
};

// What carries out the requests of a ControlServer's clients. Called on the loop's thread, without
// locks, and only in states in which the request is legal.
class ControlHandler {
public:
    virtual ~ControlHandler() = default;

    virtual MachineState state() const = 0;
    virtual Hello hello() const = 0;
    // Who wants pictures and activity now: all clients together.
    virtual void subscriptionsChanged(const Subscribe& wanted) = 0;
    // After the client has gone; `remaining` others are connected.
    virtual void clientLeft(ClientId client, size_t remaining) = 0;

    virtual void handle(const Configure& request, Call<Configure> call) = 0;
    virtual void handle(const Start& request, Call<Start> call) = 0;
    virtual void handle(const Pause& request, Call<Pause> call) = 0;
    virtual void handle(const Resume& request, Call<Resume> call) = 0;
    virtual void handle(const Reset& request, Call<Reset> call) = 0;
    virtual void handle(const PowerButton& request, Call<PowerButton> call) = 0;
    virtual void handle(const PowerOff& request, Call<PowerOff> call) = 0;
    virtual void handle(const Status& request, Call<Status> call) = 0;
    virtual void handle(const Key& request, Call<Key> call) = 0;
    virtual void handle(const PointerRelative& request, Call<PointerRelative> call) = 0;
    virtual void handle(const PointerAbsolute& request, Call<PointerAbsolute> call) = 0;
    virtual void handle(const TypeText& request, Call<TypeText> call) = 0;
    virtual void handle(const CancelTyping& request, Call<CancelTyping> call) = 0;
    virtual void handle(const Screenshot& request, Call<Screenshot> call) = 0;
    virtual void handle(const ScreenText& request, Call<ScreenText> call) = 0;
    virtual void handle(const ChangeMedium& request, Call<ChangeMedium> call) = 0;
    virtual void handle(const AttachDrive& request, Call<AttachDrive> call) = 0;
    virtual void handle(const DetachDrive& request, Call<DetachDrive> call) = 0;
    virtual void handle(const ResizeDrive& request, Call<ResizeDrive> call) = 0;
    virtual void handle(const AttachSerial& request, Call<AttachSerial> call) = 0;
    virtual void handle(const TakeSnapshot& request, Call<TakeSnapshot> call) = 0;
    virtual void handle(const MergeLayers& request, Call<MergeLayers> call) = 0;
    virtual void handle(const CancelJob& request, Call<CancelJob> call) = 0;
    virtual void handle(const Fork& request, Call<Fork> call) = 0;
};

} // namespace vivarium::control
