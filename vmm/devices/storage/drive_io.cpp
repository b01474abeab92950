#include "vmm/devices/storage/drive_io.h"

#include "vmm/base/result.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <utility>

namespace vivarium {

namespace {

bool meansFull(int errorNumber) {
    return errorNumber == ENOSPC || errorNumber == EDQUOT || errorNumber == EFBIG;
}

bool allocates(BlockRequest::Kind kind) {
    return kind == BlockRequest::Kind::Write || kind == BlockRequest::Kind::WriteZeroes;
}

const char* kindName(BlockRequest::Kind kind) {
    switch (kind) {
    case BlockRequest::Kind::Read:
        return "read";
    case BlockRequest::Kind::Write:
        return "write";
    case BlockRequest::Kind::Flush:
        return "flush";
    case BlockRequest::Kind::Discard:
        return "discard";
    case BlockRequest::Kind::WriteZeroes:
        return "write zeroes";
    }
    return "request";
}

} // namespace

DriveIo::DriveIo(std::string driveId, DriveErrorPolicies policies, Services services)
    : m_driveId(std::move(driveId)), m_policies(policies), m_services(services),
      m_self(std::make_shared<DriveIo*>(this)) {}

DriveIo::~DriveIo() {
    cancel();
}

std::unique_ptr<BlockDevice> DriveIo::setImage(std::unique_ptr<BlockDevice> image) {
    cancel();
    return std::exchange(m_image, std::move(image));
}

void DriveIo::submit(BlockRequest::Kind kind, uint64_t offsetBytes, uint64_t lengthBytes,
                     std::vector<iovec> buffers, Done done) {
    assert(m_image);
    uint64_t id = m_nextId++;
    auto [entry, inserted] = m_requests.emplace(
        id, Request{kind, offsetBytes, lengthBytes, std::move(buffers), std::move(done)});
    start(id, entry->second);
}

void DriveIo::start(uint64_t id, const Request& request) {
    ++m_hostRequests;
    auto completed = [self = std::weak_ptr<DriveIo*>(m_self), &tasks = m_services.tasks,
                      generation = m_generation, id](int errorNumber) {
        tasks.post([self, generation, id, errorNumber] {
            if (auto drive = self.lock())
                (*drive)->hostDone(generation, id, errorNumber);
        });
    };
    m_image->submit({request.kind, request.offsetBytes, request.lengthBytes, request.buffers,
                     std::move(completed)});
}

void DriveIo::hostDone(uint64_t generation, uint64_t id, int errorNumber) {
    if (generation != m_generation)
        return; // waited for and forgotten by cancel()
    --m_hostRequests;
    auto entry = m_requests.find(id);
    if (entry == m_requests.end()) { // abandoned
        if (m_hostRequests == 0 && m_idle)
            m_idle();
        return;
    }
    if (errorNumber != 0) {
        const bool full = allocates(entry->second.kind) && meansFull(errorNumber);
        switch (full ? m_policies.full : m_policies.errors) {
        case DriveErrorPolicy::Report:
            break;
        case DriveErrorPolicy::Stop:
            return stall(entry->second, errorNumber, full);
        case DriveErrorPolicy::Ignore:
            errorNumber = 0;
        }
    }
    if (errorNumber == 0)
        count(entry->second);
    Done done = std::move(entry->second.done);
    m_requests.erase(entry);
    done(errorNumber);
}

void DriveIo::stall(Request& request, int errorNumber, bool full) {
    request.stalled = true;
    std::string detail = systemError(errorNumber, m_driveId + ": " + kindName(request.kind)).detail;
    if (full)
        m_services.listener.diskFull(m_driveId, detail);
    else
        m_services.listener.diskFailed(m_driveId, detail);
}

void DriveIo::count(const Request& request) {
    if (request.kind == BlockRequest::Kind::Read) {
        ++m_activity.readRequests;
        m_activity.readBytes += request.lengthBytes;
    } else if (request.kind == BlockRequest::Kind::Write) {
        ++m_activity.writeRequests;
        m_activity.writtenBytes += request.lengthBytes;
    }
}

void DriveIo::cancel() {
    drain();
    ++m_generation;
    m_hostRequests = 0;
    m_requests.clear();
}

void DriveIo::abandon() {
    m_requests.clear();
}

void DriveIo::retryStalled() {
    for (auto& [id, request] : m_requests)
        if (std::exchange(request.stalled, false))
            start(id, request);
}

bool DriveIo::stalled() const {
    return std::any_of(m_requests.begin(), m_requests.end(),
                       [](const auto& entry) { return entry.second.stalled; });
}

void DriveIo::drain() {
    if (m_image)
        m_image->drain();
}

} // namespace vivarium
