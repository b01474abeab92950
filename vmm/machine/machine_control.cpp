#include "vmm/machine/machine_control.h"

#include "vmm/backends/display/png_writer.h"
#include "vmm/base/log.h"
#include "vmm/machine/accelerator_choice.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace vivarium {

using control::Answer;
using control::ClientId;
using control::Empty;

namespace {

// How long the last message waits for a client that is slow to read.
constexpr int kGoodbyeMs = 1000;
constexpr uint64_t kActivityNs = 500'000'000;

bool sameActivity(const std::vector<control::DriveStatus>& a,
                  const std::vector<control::DriveStatus>& b) {
    if (a.size() != b.size())
        return false;
    for (size_t i = 0; i < a.size(); ++i)
        if (a[i].readRequests != b[i].readRequests || a[i].writeRequests != b[i].writeRequests ||
            a[i].mediumName != b[i].mediumName || a[i].locked != b[i].locked)
            return false;
    return true;
}

// A memfd with `bytes`, sealed: the receiver can map it without fear.
Result<UniqueFd> sealedFile(const char* name, const std::vector<uint8_t>& bytes) {
    UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
        return systemError(errno, "create the picture's memory");
    for (size_t done = 0; done < bytes.size();) {
        const ssize_t written = ::write(file.get(), bytes.data() + done, bytes.size() - done);
        if (written < 0 && errno != EINTR)
            return systemError(errno, "write the picture");
        done += written > 0 ? static_cast<size_t>(written) : 0;
    }
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    return file;
}

template <class Request>
void answer(const control::Call<Request>& call, const Result<void>& result) {
    if (result)
        call.respond(Answer<Empty>{});
    else
        call.respond(result.error());
}

} // namespace

MachineControl::MachineControl(EventLoop& loop, Host host)
    : m_loop(loop), m_host(std::move(host)), m_server(loop, *this) {}

MachineControl::~MachineControl() {
    m_alive.reset();
    if (!m_machine)
        return;
    {
        auto board = m_machine->board();
        board->input().removeListener(*this);
        m_activityTimer.reset();
        m_screen.reset();
        m_typist.reset();
        m_keyPresser.reset();
        m_inputs.clear();
    }
    m_jobs.reset();
    m_machine.reset();
}

void MachineControl::later(std::function<void()> task) {
    m_loop.post([alive = std::weak_ptr(m_alive), task = std::move(task)] {
        if (alive.lock())
            task();
    });
}

control::MachineState MachineControl::state() const {
    return m_machine ? m_machine->state() : control::MachineState::PoweredOff;
}

control::Hello MachineControl::hello() const {
    control::Hello hello;
    hello.version = VIVARIUM_VERSION;
    hello.machineId = m_config.id;
    hello.machineName = m_config.name;
    hello.state = state();
    return hello;
}

// --- Life --------------------------------------------------------------------------------------

void MachineControl::handle(const control::Configure& request, Call<control::Configure> call) {
    answer(call, configure(request.config, ConfigDescriptors(std::move(call.descriptors))));
}

Result<void> MachineControl::configure(const control::MachineConfig& config,
                                       ConfigDescriptors descriptors,
                                       std::optional<MachineCopy> copy) {
    if (m_machine || m_finished)
        return fail(ErrorCode::WrongState, "the machine is configured already");
    AcceleratorDecision decision = TRY(decideAccelerator(config.accelerator, m_host.accelerators));
    UniqueFd listening;
    if (config.lockFd >= 0)
        m_machineLock = TRY(descriptors.take(config.lockFd, "machine lock"));
    if (config.listenFd >= 0)
        listening = TRY(descriptors.take(config.listenFd, "control socket"));
    auto machine =
        TRY(Machine::create(config, std::move(descriptors), m_host.accelerators, decision.kind,
                            m_loop, *this, m_host.threadHooks, std::move(copy)));
    if (listening)
        TRY(m_server.listen(std::move(listening)));
    m_config = config;
    m_acceleratorReason = std::move(decision.reason);
    m_machine = std::move(machine);
    makeJobs();

    auto board = m_machine->board();
    m_keyPresser = std::make_unique<KeyPresser>(m_machine->timers());
    m_typist = std::make_unique<TextTypist>(board->input(), m_machine->timers());
    m_screen = std::make_unique<ScreenPublisher>(
        m_loop, m_machine->deviceLock(), board->display(),
        ScreenPublisher::Sink{
            .scanout =
                [this](const ScanoutInfo& info, UniqueFd memory) {
                    m_server.publishScanout(info, std::move(memory));
                },
            .damage =
                [this](const std::vector<Rect>& rectangles) { m_server.publishDamage(rectangles); },
        });
    m_activityTimer = std::make_unique<Timer>(m_machine->timers(),
                                              [this] { later([this] { checkActivity(); }); });
    board->input().addListener(*this);
    if (m_wanted.display)
        m_screen->setViewing(ScreenPublisher::Viewing::On);
    return {};
}

void MachineControl::handle(const control::Start& request, Call<control::Start> call) {
    if (!m_machine || m_finished)
        return call.respond(fail(ErrorCode::WrongState, "the machine is not configured"));
    answer(call, m_machine->start(request.paused ? Machine::FirstState::Paused
                                                 : Machine::FirstState::Running));
}

void MachineControl::handle(const control::Pause&, Call<control::Pause> call) {
    m_machine->pause();
    call.respond(Answer<Empty>{});
}

void MachineControl::handle(const control::Resume&, Call<control::Resume> call) {
    answer(call, m_machine->resume());
}

void MachineControl::handle(const control::Reset&, Call<control::Reset> call) {
    answer(call, m_machine->resetByUser());
}

void MachineControl::handle(const control::PowerButton&, Call<control::PowerButton> call) {
    answer(call, m_machine->pressPowerButton());
}

void MachineControl::handle(const control::PowerOff&, Call<control::PowerOff> call) {
    call.respond(Answer<Empty>{});
    if (m_finished)
        return;
    if (state() == control::MachineState::PoweredOff)
        finish({control::StopReason::User, -1, {}});
    else
        m_machine->powerOff();
}

void MachineControl::stateChanged(Machine::State state, Machine::Reason reason,
                                  const std::string& detail) {
    m_server.publish(control::StateChanged{state, reason, detail});
}

void MachineControl::guestReset(ResetCause cause) {
    m_server.publish(control::GuestReset{resetCauseName(cause)});
}

void MachineControl::mediumEjected(const std::string& driveId) {
    m_server.publish(control::MediumEjected{driveId});
}

void MachineControl::ended(Machine::Reason reason, int exitValue, const std::string& detail) {
    if (m_jobs->busy())
        m_heldEnd = control::Exiting{reason, exitValue, detail};
    else
        finish({reason, exitValue, detail});
}

// Answers what waits, says good-bye, ends the loop.
void MachineControl::finish(const control::Exiting& event) {
    if (std::exchange(m_finished, true))
        return;
    if (m_machine) {
        auto board = m_machine->board();
        m_keyPresser->finishAll();
        m_typist->cancel();
        m_screen->setViewing(ScreenPublisher::Viewing::Off);
    }
    recordEnd(event.reason);
    // After the replies, which those two have posted.
    later([this, event] {
        m_server.publish(event);
        m_server.finish(kGoodbyeMs);
        m_loop.stop();
    });
}

// The last line of the machine's run record (vmm/control/README.md, "How a worker is launched").
void MachineControl::recordEnd(control::StopReason reason) {
    if (!m_machineLock)
        return;
    const std::string line = "exited " + std::string(control::stopReasonName(reason)) + "\n";
    if (::lseek(m_machineLock.get(), 0, SEEK_END) < 0 ||
        ::write(m_machineLock.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        logWarning("control", systemError(errno, "the end is not recorded").detail);
}

void MachineControl::clientLeft(ClientId client, size_t remaining) {
    if (m_machine) {
        auto board = m_machine->board();
        if (auto input = m_inputs.find(client); input != m_inputs.end()) {
            m_keyPresser->forget(*input->second);
            m_inputs.erase(input);
        }
        if (m_typing && m_typing->client == client)
            m_typist->cancel();
    }
    if (remaining > 0 || m_finished)
        return;
    if (state() == control::MachineState::PoweredOff) {
        logInfo("control", "the launcher has gone before the machine was started");
        finish({control::StopReason::User, -1, {}});
    } else if (m_config.exitWhenClientsLeave) {
        m_machine->powerOff();
    }
}

// --- Looking -----------------------------------------------------------------------------------

void MachineControl::handle(const control::Status&, Call<control::Status> call) {
    Answer<control::StatusReply> reply;
    control::StatusReply& status = reply.value;
    status.version = VIVARIUM_VERSION;
    status.pid = ::getpid();
    if (m_machine) {
        status.state = m_machine->state();
        status.reason = m_machine->reason();
        status.detail = m_machine->detail();
        status.accelerator = m_machine->acceleratorName();
        status.acceleratorReason = m_acceleratorReason;
        status.cpuCount = m_config.cpuCount;
        status.memoryBytes = m_config.memoryBytes;
        status.uptimeMs = m_machine->uptimeMs();
        status.firstInstructionNs = m_machine->firstEntryNs();
        status.exitCount = m_machine->exitCount();
        auto board = m_machine->board();
        status.drives = board->drives();
        status.absolutePointer = board->input().absolutePointerWanted();
        status.vncClients = board->vncClientCount();
    }
    call.respond(std::move(reply));
}

void MachineControl::subscriptionsChanged(const control::Subscribe& wanted) {
    m_wanted = wanted;
    if (!m_machine || m_finished)
        return;
    {
        auto board = m_machine->board();
        m_screen->setViewing(wanted.display ? ScreenPublisher::Viewing::On
                                            : ScreenPublisher::Viewing::Off);
        m_activityTimer->cancel();
    }
    m_lastActivity.clear(); // whoever subscribes is told the present counters
    checkActivity();
}

// The loop's thread, lock free.
void MachineControl::checkActivity() {
    if (!m_wanted.activity || m_finished)
        return;
    control::Activity activity;
    {
        auto board = m_machine->board();
        m_activityTimer->arm(m_machine->timers().clock().nowNs() + kActivityNs);
        activity.drives = board->drives();
    }
    if (sameActivity(activity.drives, m_lastActivity))
        return;
    m_lastActivity = activity.drives;
    m_server.publishActivity(activity);
}

void MachineControl::handle(const control::Screenshot&, Call<control::Screenshot> call) {
    ScanoutInfo info;
    std::vector<uint8_t> pixels;
    {
        // A copy, because the guest may change the mode while the file is made.
        auto board = m_machine->board();
        board->display().refreshNow();
        const Scanout& scanout = board->display().scanout();
        info = scanout.info;
        if (info.width != 0 && scanout.pixels) {
            const size_t lineBytes = size_t{info.width} * 4;
            pixels.resize(lineBytes * info.height);
            for (uint32_t y = 0; y < info.height; ++y)
                std::copy_n(scanout.pixels + size_t{y} * info.strideBytes, lineBytes,
                            pixels.data() + y * lineBytes);
        }
    }
    if (pixels.empty())
        return call.respond(fail(ErrorCode::WrongState, "the guest has not shown anything yet"));
    auto png = encodePng(pixels.data(), info.width, info.height, info.width * 4);
    if (!png)
        return call.respond(png.error());
    auto file = sealedFile("screenshot", *png);
    if (!file)
        return call.respond(file.error());
    Answer<control::ScreenshotReply> reply;
    reply.value = {info.width, info.height, png->size()};
    reply.descriptors.push_back(std::move(*file));
    call.respond(std::move(reply));
}

void MachineControl::handle(const control::ScreenText&, Call<control::ScreenText> call) {
    Answer<control::ScreenTextReply> reply;
    std::optional<TextScreen> screen;
    {
        auto board = m_machine->board();
        screen = board->display().textScreen();
    }
    if (screen) {
        reply.value.textMode = true;
        reply.value.columns = screen->columns;
        reply.value.rows = screen->rows;
        reply.value.lines = std::move(screen->lines);
        if (screen->cursor) {
            reply.value.cursorVisible = true;
            reply.value.cursorColumn = screen->cursor->column;
            reply.value.cursorRow = screen->cursor->row;
        }
    }
    call.respond(std::move(reply));
}

// --- Media and serial lines --------------------------------------------------------------------

void MachineControl::handle(const control::ChangeMedium& request,
                            Call<control::ChangeMedium> call) {
    UniqueFd image;
    if (request.imageFd >= 0)
        image = std::move(call.descriptors[static_cast<size_t>(request.imageFd)]);
    Result<void> changed;
    {
        auto board = m_machine->board();
        changed =
            board->changeMedium(request.drive, std::move(image), request.mediumName, request.force);
    }
    answer(call, changed);
}

void MachineControl::handle(const control::AttachSerial& request,
                            Call<control::AttachSerial> call) {
    Result<UniqueFd> socket = fail(ErrorCode::Internal, {});
    {
        auto board = m_machine->board();
        socket = board->attachSerial(request.port);
    }
    if (!socket)
        return call.respond(socket.error());
    Answer<Empty> reply;
    reply.descriptors.push_back(std::move(*socket));
    call.respond(std::move(reply));
}

} // namespace vivarium
