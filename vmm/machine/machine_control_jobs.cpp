// MachineControl: snapshots, merges, forks, and drives that come and go.
#include "vmm/base/log.h"
#include "vmm/machine/machine_control.h"

#include <cstdlib>
#include <set>
#include <string>
#include <utility>

#include <sys/epoll.h>
#include <unistd.h>

namespace vivarium {

using control::Answer;
using control::Empty;

namespace {

template <class Request>
MachineJobs::Done<typename Request::Reply> answering(control::Responder<Request> respond) {
    return [respond = std::move(respond)](Result<typename Request::Reply> result) {
        if (!result)
            return respond(result.error());
        Answer<typename Request::Reply> answer;
        answer.value = std::move(*result);
        respond(std::move(answer));
    };
}

std::set<uint32_t> cardSlots(const control::MachineConfig& config) {
    std::set<uint32_t> slots;
    for (const control::NetworkCardConfig& card : config.networkCards)
        slots.insert(card.slot);
    return slots;
}

std::string slotsText(const std::set<uint32_t>& slots) {
    if (slots.empty())
        return "no network card";
    std::string text;
    for (const uint32_t slot : slots)
        text += (text.empty() ? "network cards in the slots " : ", ") + std::to_string(slot);
    return text;
}

// A copy goes on with the cards that its guest knows; only their addresses are its own.
Result<void> checkCards(const control::MachineConfig& original, const control::Fork& request) {
    for (const control::CloneConfig& clone : request.clones)
        if (cardSlots(clone.config) != cardSlots(original))
            return fail(ErrorCode::InvalidArgument,
                        "the copy \"" + clone.config.name + "\" has " +
                            slotsText(cardSlots(clone.config)) + ", the machine has " +
                            slotsText(cardSlots(original)) + "; they must be the same");
    return {};
}

Result<Empty> emptyReply(const Result<void>& result) {
    return result ? Result<Empty>(Empty{}) : Result<Empty>(result.error());
}

} // namespace

void MachineControl::makeJobs() {
    MachineJobs::Hooks hooks;
    hooks.progress = [this](const control::JobProgress& progress) { m_server.publish(progress); };
    hooks.idle = [this] {
        if (m_heldEnd)
            finish(*std::exchange(m_heldEnd, std::nullopt));
    };
    hooks.becomeClone = [this](const control::CloneConfig& clone, ConfigDescriptors descriptors,
                               MachineCopy copy, Machine::FirstState first) {
        runClone(std::move(m_host), clone, std::move(descriptors), std::move(copy), first);
    };
    if (m_host.accelerators.kvm)
        hooks.keptDescriptors = {m_host.accelerators.kvm->fd()};
    m_jobs = std::make_unique<MachineJobs>(m_loop, *m_machine, std::move(hooks));
}

void MachineControl::handle(const control::TakeSnapshot& request,
                            Call<control::TakeSnapshot> call) {
    m_jobs->takeSnapshot(request, ConfigDescriptors(std::move(call.descriptors)),
                         answering<control::TakeSnapshot>(std::move(call.respond)));
}

void MachineControl::handle(const control::MergeLayers& request, Call<control::MergeLayers> call) {
    m_jobs->mergeLayers(request, ConfigDescriptors(std::move(call.descriptors)),
                        answering<control::MergeLayers>(std::move(call.respond)));
}

void MachineControl::handle(const control::CancelJob&, Call<control::CancelJob> call) {
    call.respond(Answer<Empty>{});
    if (m_jobs)
        m_jobs->cancel();
}

void MachineControl::handle(const control::Fork& request, Call<control::Fork> call) {
    if (auto same = checkCards(m_config, request); !same)
        return call.respond(same.error());
    m_jobs->fork(request, ConfigDescriptors(std::move(call.descriptors)),
                 answering<control::Fork>(std::move(call.respond)));
}

// --- Drives that come and go -------------------------------------------------------------------

void MachineControl::handle(const control::AttachDrive& request, Call<control::AttachDrive> call) {
    const auto attached =
        m_jobs->attachDrive(request, ConfigDescriptors(std::move(call.descriptors)));
    answering<control::AttachDrive>(std::move(call.respond))(emptyReply(attached));
}

void MachineControl::handle(const control::DetachDrive& request, Call<control::DetachDrive> call) {
    const auto detached = m_jobs->detachDrive(request);
    answering<control::DetachDrive>(std::move(call.respond))(emptyReply(detached));
}

void MachineControl::handle(const control::ResizeDrive& request, Call<control::ResizeDrive> call) {
    m_jobs->resizeDrive(request, answering<control::ResizeDrive>(std::move(call.respond)));
}

// The original, which had the lock for all, has given it up.
void MachineControl::lockLayers(const control::CloneConfig& clone) {
    for (const control::OverlayConfig& overlay : clone.overlays) {
        DiskChain* disk = m_machine ? m_machine->board()->disk(overlay.drive) : nullptr;
        if (!disk)
            continue;
        disk->lockLower([drive = overlay.drive](const Result<void>& locked) {
            if (!locked)
                logError("fork", drive + ": " + locked.error().detail);
        });
    }
}

// In a copy of the process: everything of the original is left as it is, memory that is shared
// until somebody writes to it, and a new machine begins.
void MachineControl::runClone(Host host, const control::CloneConfig& clone,
                              ConfigDescriptors descriptors, MachineCopy copy,
                              Machine::FirstState first) {
    if (auto log = descriptors.take(clone.logFd, "log"); log)
        ::dup3(log->get(), STDERR_FILENO, 0);
    const auto run = [&]() -> Result<void> {
        UniqueFd launcher = TRY(descriptors.take(clone.controlFd, "launcher's connection"));
        UniqueFd layersShared = std::move(copy.layersShared);
        auto loop = TRY(EventLoop::create());
        MachineControl machine(*loop, std::move(host));
        auto started = machine.configure(clone.config, std::move(descriptors), std::move(copy));
        if (started)
            started = machine.m_machine->start(first);
        TRY(machine.addClient(std::move(launcher)));
        if (!started) {
            logError("fork", started.error().detail);
            machine.finish({control::StopReason::InternalError, -1, started.error().detail});
        }
        TRY(loop->watch(layersShared.get(), EPOLLIN, [&](uint32_t) {
            loop->unwatch(layersShared.get());
            machine.lockLayers(clone);
        }));
        loop->run();
        ::_exit(EXIT_SUCCESS); // what the original's objects are still here for is not ours to end
    };
    if (auto result = run(); !result)
        logError("fork", result.error().detail);
    ::_exit(EXIT_FAILURE);
}

} // namespace vivarium
