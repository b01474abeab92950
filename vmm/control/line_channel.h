#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/messages.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::control {

// Lines and descriptors over a Unix stream socket, without ever blocking. Watches nothing itself:
// the owner calls readAvailable() when fd() is readable and flush() when it is writable and
// wantsWrite(). One thread.
class LineChannel {
public:
    // Sets the socket non-blocking. Errors: InvalidArgument (not a Unix stream socket).
    static Result<LineChannel> create(UniqueFd socket);

    int fd() const { return m_socket.get(); }

    // --- Receiving ---------------------------------------------------------------------------
    // Takes what has arrived, at most kMaxReadBytes. Lines that came before an error are still
    // there to be taken. Errors: Disconnected (the peer has closed), LimitExceeded (a line over
    // kMaxMessageBytes, too many descriptors), Io. After an error nothing more is read.
    Result<void> readAvailable();
    // True when the last readAvailable() stopped at its bound, not because the socket was empty.
    bool mayHaveMore() const { return m_mayHaveMore; }
    // The next whole line without its LF. Descriptors of earlier lines that nobody took are closed.
    std::optional<std::string> nextLine();
    // The `count` descriptors that came beside the line which nextLine() returned last. Error:
    // InvalidArgument when fewer have arrived (descriptors come with the line's first byte).
    Result<std::vector<UniqueFd>> takeDescriptors(size_t count);

    // --- Sending -----------------------------------------------------------------------------
    // Sends `line` (without LF; must contain none) and `descriptors` as far as the socket takes
    // them and queues the rest without a bound: the caller looks at queuedBytes(). A peer that is
    // gone is noticed by readAvailable() and flush().
    void send(std::string_view line, std::vector<UniqueFd> descriptors = {});
    bool wantsWrite() const { return !m_queue.empty(); }
    size_t queuedBytes() const { return m_queuedBytes; }
    // Errors: Disconnected, Io.
    Result<void> flush();

private:
    static constexpr size_t kReadChunkBytes = 64 * 1024;
    static constexpr size_t kMaxReadBytes = 256 * 1024;
    static constexpr size_t kMaxWaitingDescriptors = 2 * kMaxDescriptors;

    struct Waiting { // descriptors that belong to a line starting before stream offset `before`
        uint64_t before;
        UniqueFd fd;
    };
    struct Outgoing {
        std::string bytes;
        size_t sent = 0;
        std::vector<UniqueFd> descriptors; // sent with the first byte
    };

    explicit LineChannel(UniqueFd socket) : m_socket(std::move(socket)) {}
    bool scanLines();
    void dropDescriptorsBefore(uint64_t offset);

    UniqueFd m_socket;
    std::string m_buffer; // received, from m_consumed on not yet taken
    size_t m_consumed = 0;
    size_t m_lineStart = 0;       // where the unfinished line begins
    size_t m_scanned = 0;         // how far it has been searched for its end
    uint64_t m_receivedBytes = 0; // stream offset of m_buffer's end
    bool m_mayHaveMore = false;
    std::deque<Waiting> m_descriptors;
    std::deque<Outgoing> m_queue;
    size_t m_queuedBytes = 0;
};

} // namespace vivarium::control
