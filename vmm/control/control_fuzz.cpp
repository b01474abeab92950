#include "vmm/control/envelope.h"
#include "vmm/control/line_channel.h"
#include "vmm/control/message_json.h"

#include <algorithm>
#include <cstdlib>

#include <sys/socket.h>

using namespace vivarium;
using namespace vivarium::control;

namespace {

template <class Message>
void parseAs(const nlohmann::json& body, size_t descriptorCount) {
    if (auto message = fromJson<Message>(body, descriptorCount)) {
        // What was accepted must be accepted again in the form that we write.
        if (!fromJson<Message>(toJson(*message), descriptorCount))
            std::abort();
    }
}

void handleLine(const std::string& line) {
    auto parsed = parseEnvelope(line);
    const auto* envelope = std::get_if<Envelope>(&parsed);
    if (!envelope)
        return;
    parseAs<Configure>(envelope->body, envelope->descriptorCount);
    parseAs<Key>(envelope->body, envelope->descriptorCount);
    parseAs<TypeText>(envelope->body, envelope->descriptorCount);
    parseAs<ChangeMedium>(envelope->body, envelope->descriptorCount);
    parseAs<StatusReply>(envelope->body, envelope->descriptorCount);
    parseAs<ScreenTextReply>(envelope->body, envelope->descriptorCount);
    parseAs<ScanoutChanged>(envelope->body, envelope->descriptorCount);
    parseAs<Damage>(envelope->body, envelope->descriptorCount);
}

} // namespace

// The input is what a peer sends over the control socket, in pieces of a size that it chooses.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    int sockets[2];
    if (size == 0 || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return 0;
    UniqueFd peer(sockets[1]);
    auto channel = LineChannel::create(UniqueFd(sockets[0]));
    if (!channel)
        return 0;
    const size_t piece = 1 + data[0] * size_t{16};
    for (size_t at = 1; at < size;) {
        const size_t length = std::min(piece, size - at);
        if (::send(peer.get(), data + at, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            break;
        at += length;
        if (!channel->readAvailable())
            break;
        while (auto line = channel->nextLine())
            handleLine(*line);
    }
    return 0;
}
