#pragma once

#include "vmm/backends/input/input_session.h"
#include "vmm/backends/input/text_typist.h"
#include "vmm/base/event_loop.h"
#include "vmm/control/server/control_handler.h"
#include "vmm/control/server/control_server.h"
#include "vmm/kvm/kvm_system.h"
#include "vmm/machine/key_presser.h"
#include "vmm/machine/machine.h"
#include "vmm/machine/machine_jobs.h"
#include "vmm/machine/screen_publisher.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vivarium {

// Carries out control requests on one machine and tells its clients what happens: everything
// between the protocol and the engine. Lives on the event loop's thread and ends the loop when the
// machine has ended or nobody is left who could start it.
class MachineControl final : private control::ControlHandler,
                             private Machine::Listener,
                             private InputRouter::Listener {
public:
    struct Host {
        // From before the sandbox closed; errors are told to whoever configures.
        AcceleratorHost accelerators;
        Machine::ThreadHooks threadHooks;
    };
    MachineControl(EventLoop& loop, Host host);
    ~MachineControl() override;

    // Serves the launcher's connection. Errors as ControlServer::addClient.
    Result<void> addClient(UniqueFd socket) { return m_server.addClient(std::move(socket)); }

private:
    struct Typing {
        control::ClientId client;
        control::Responder<control::TypeText> respond;
    };
    template <class Request>
    using Call = control::Call<Request>;

    // control::ControlHandler
    control::MachineState state() const override;
    control::Hello hello() const override;
    void subscriptionsChanged(const control::Subscribe& wanted) override;
    void clientLeft(control::ClientId client, size_t remaining) override;
    void handle(const control::Configure& request, Call<control::Configure> call) override;
    void handle(const control::Start& request, Call<control::Start> call) override;
    void handle(const control::Pause& request, Call<control::Pause> call) override;
    void handle(const control::Resume& request, Call<control::Resume> call) override;
    void handle(const control::Reset& request, Call<control::Reset> call) override;
    void handle(const control::PowerButton& request, Call<control::PowerButton> call) override;
    void handle(const control::PowerOff& request, Call<control::PowerOff> call) override;
    void handle(const control::Status& request, Call<control::Status> call) override;
    void handle(const control::Key& request, Call<control::Key> call) override;
    void handle(const control::PointerRelative& request,
                Call<control::PointerRelative> call) override;
    void handle(const control::PointerAbsolute& request,
                Call<control::PointerAbsolute> call) override;
    void handle(const control::TypeText& request, Call<control::TypeText> call) override;
    void handle(const control::CancelTyping& request, Call<control::CancelTyping> call) override;
    void handle(const control::Screenshot& request, Call<control::Screenshot> call) override;
    void handle(const control::ScreenText& request, Call<control::ScreenText> call) override;
    void handle(const control::ChangeMedium& request, Call<control::ChangeMedium> call) override;
    void handle(const control::AttachDrive& request, Call<control::AttachDrive> call) override;
    void handle(const control::DetachDrive& request, Call<control::DetachDrive> call) override;
    void handle(const control::ResizeDrive& request, Call<control::ResizeDrive> call) override;
    void handle(const control::AttachSerial& request, Call<control::AttachSerial> call) override;
    void handle(const control::TakeSnapshot& request, Call<control::TakeSnapshot> call) override;
    void handle(const control::MergeLayers& request, Call<control::MergeLayers> call) override;
    void handle(const control::CancelJob& request, Call<control::CancelJob> call) override;
    void handle(const control::Fork& request, Call<control::Fork> call) override;

    // Machine::Listener
    void stateChanged(Machine::State state, Machine::Reason reason,
                      const std::string& detail) override;
    void guestReset(ResetCause cause) override;
    void mediumEjected(const std::string& driveId) override;
    void ended(Machine::Reason reason, int exitValue, const std::string& detail) override;

    // InputRouter::Listener: with the device lock held, on any thread.
    void ledsChanged(const KeyboardLeds& leds) override;
    void pointerModeChanged(bool absolute) override;

    Result<void> configure(const control::MachineConfig& config, ConfigDescriptors descriptors,
                           std::optional<MachineCopy> copy = {});
    void makeJobs();
    [[noreturn]] static void runClone(Host host, const control::CloneConfig& clone,
                                      ConfigDescriptors descriptors, MachineCopy copy,
                                      Machine::FirstState first);
    void lockLayers(const control::CloneConfig& clone);
    Result<std::vector<KeyCode>> parseKeys(const std::vector<std::string>& names) const;
    // Device lock held.
    InputSession& inputOf(control::ClientId client, Board& board);
    void typingEnded(TextTypist::Outcome outcome, const std::string& skipped);
    void checkActivity();
    void finish(const control::Exiting& event);
    void recordEnd(control::StopReason reason);
    // Runs `task` on the loop's thread, lock free, if this object still lives then.
    void later(std::function<void()> task);

    EventLoop& m_loop;
    Host m_host;
    control::ControlServer m_server;
    control::MachineConfig m_config;
    std::string m_acceleratorReason;
    UniqueFd m_machineLock; // held until the process ends
    bool m_finished = false;

    std::unique_ptr<Machine> m_machine;
    std::unique_ptr<MachineJobs> m_jobs; // with the machine
    // The guest has ended while a job goes on, which the worker finishes first.
    std::optional<control::Exiting> m_heldEnd;
    // Below: used and destroyed with the device lock held.
    std::map<control::ClientId, std::unique_ptr<InputSession>> m_inputs;
    std::unique_ptr<KeyPresser> m_keyPresser;
    std::unique_ptr<TextTypist> m_typist;
    std::unique_ptr<ScreenPublisher> m_screen;
    std::unique_ptr<Timer> m_activityTimer;
    std::optional<Typing> m_typing;
    std::vector<control::DriveStatus> m_lastActivity;
    control::Subscribe m_wanted;

    std::shared_ptr<int> m_alive = std::make_shared<int>(0);
};

} // namespace vivarium
