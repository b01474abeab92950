#include "vmm/control/server/control_server.h"

#include "vmm/base/log.h"
#include "vmm/control/message_json.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace vivarium::control {

ControlServer::ControlServer(EventLoop& loop, ControlHandler& handler)
    : m_loop(loop), m_handler(handler) {}

ControlServer::~ControlServer() {
    m_alive.reset();
    for (auto& [id, client] : m_clients)
        if (!client->gone)
            m_loop.unwatch(client->channel().fd());
    if (m_listening)
        m_loop.unwatch(m_listening.get());
}

// --- Connections -------------------------------------------------------------------------------

Result<void> ControlServer::addClient(UniqueFd socket) {
    if (clientCount() >= kMaxClients)
        return fail(ErrorCode::LimitExceeded,
                    "no more than " + std::to_string(kMaxClients) + " control clients at a time");
    LineChannel channel = TRY(LineChannel::create(std::move(socket)));
    const ClientId id = m_nextId++;
    auto session = std::make_unique<ClientSession>(id, std::move(channel));
    session->watchedEvents = EPOLLIN;
    TRY(m_loop.watch(session->channel().fd(), EPOLLIN,
                     [this, id](uint32_t events) { clientReady(id, events); }));
    ClientSession& client = *(m_clients[id] = std::move(session));
    send(client, notificationLine(Hello::kMethod, toJson(m_handler.hello())));
    return {};
}

Result<void> ControlServer::listen(UniqueFd listening) {
    TRY(m_loop.watch(listening.get(), EPOLLIN, [this](uint32_t) { acceptClients(); }));
    m_listening = std::move(listening);
    return {};
}

void ControlServer::acceptClients() {
    UniqueFd socket(::accept4(m_listening.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket)
        return;
    if (auto added = addClient(std::move(socket)); !added)
        logWarning("control", "a client was refused: " + added.error().detail);
}

size_t ControlServer::clientCount() const {
    return static_cast<size_t>(std::count_if(
        m_clients.begin(), m_clients.end(), [](const auto& entry) { return !entry.second->gone; }));
}

ClientSession* ControlServer::find(ClientId id) {
    auto found = m_clients.find(id);
    return found == m_clients.end() || found->second->gone ? nullptr : found->second.get();
}

void ControlServer::clientReady(ClientId id, uint32_t events) {
    ClientSession* client = find(id);
    if (!client)
        return;
    if (events & EPOLLOUT) {
        if (!client->channel().flush())
            return giveUp(*client);
        sendNotedTo(*client);
    }
    if (!client->gone && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        readRequests(*client);
    if (!client->gone)
        updateWatch(*client);
}

void ControlServer::readRequests(ClientSession& client) {
    auto read = client.channel().readAvailable();
    while (!client.gone) {
        auto line = client.channel().nextLine();
        if (!line)
            break;
        handleLine(client, *line);
    }
    if (read || client.gone)
        return;
    if (read.error().code == ErrorCode::LimitExceeded) {
        logWarning("control", read.error().detail);
        send(client, failureLine(std::nullopt, kInvalidRequest, read.error()));
    }
    giveUp(client);
}

// Listens to what matters now: requests unless too many replies wait, room if something waits.
void ControlServer::updateWatch(ClientSession& client) {
    uint32_t events = 0;
    if (client.channel().queuedBytes() <= ClientSession::kPauseReadingBytes)
        events |= EPOLLIN;
    if (client.channel().wantsWrite())
        events |= EPOLLOUT;
    if (events == client.watchedEvents)
        return;
    client.watchedEvents = events;
    m_loop.changeEvents(client.channel().fd(), events);
}

void ControlServer::giveUp(ClientSession& client) {
    if (client.gone)
        return;
    client.gone = true;
    m_loop.unwatch(client.channel().fd());
    if (std::exchange(m_removalPosted, true))
        return;
    // Callers further up the stack may still hold the session.
    m_loop.post([this, alive = std::weak_ptr(m_alive)] {
        if (alive.lock())
            removeGone();
    });
}

void ControlServer::removeGone() {
    m_removalPosted = false;
    std::vector<ClientId> gone;
    for (const auto& [id, client] : m_clients)
        if (client->gone)
            gone.push_back(id);
    for (ClientId id : gone)
        m_clients.erase(id);
    updateSubscriptions();
    for (ClientId id : gone)
        m_handler.clientLeft(id, clientCount());
}

// --- Requests ----------------------------------------------------------------------------------

void ControlServer::handleLine(ClientSession& client, const std::string& line) {
    auto parsed = parseEnvelope(line);
    if (const auto* wrong = std::get_if<EnvelopeError>(&parsed)) {
        send(client,
             failureLine(wrong->id, wrong->code, fail(ErrorCode::InvalidArgument, wrong->message)));
        if (wrong->code == kParseError)
            giveUp(client);
        return;
    }
    Envelope& envelope = std::get<Envelope>(parsed);
    std::vector<UniqueFd> descriptors;
    if (envelope.descriptorCount > 0) {
        auto taken = client.channel().takeDescriptors(envelope.descriptorCount);
        if (!taken)
            return failRequest(client, envelope, kInvalidRequest, taken.error());
        descriptors = std::move(*taken);
    }
    // The server asks nothing of its clients: what looks like a response has no meaning here.
    if (envelope.kind == Envelope::Kind::Request || envelope.kind == Envelope::Kind::Notification)
        handleRequest(client, envelope, std::move(descriptors));
}

void ControlServer::handleRequest(ClientSession& client, const Envelope& envelope,
                                  std::vector<UniqueFd> descriptors) {
    auto found = methods().find(envelope.method);
    if (found == methods().end())
        return failRequest(client, envelope, kNoSuchMethod,
                           fail(ErrorCode::Unsupported, "there is no method " + envelope.method));
    const Method& target = found->second;
    const MachineState state = m_handler.state();
    if (!target.legalIn.contains(state))
        return failRequest(
            client, envelope, kRequestFailed,
            fail(ErrorCode::WrongState, envelope.method + " is not possible while the machine is " +
                                            std::string(machineStateName(state))));
    if (client.pendingRequests >= ClientSession::kMaxPendingRequests)
        return failRequest(client, envelope, kRequestFailed,
                           fail(ErrorCode::LimitExceeded,
                                "too many requests of this client wait for their replies"));
    (this->*target.dispatch)(client, envelope, std::move(descriptors));
}

template <class Request>
void ControlServer::dispatch(ClientSession& client, const Envelope& envelope,
                             std::vector<UniqueFd> descriptors) {
    auto request = fromJson<Request>(envelope.body, descriptors.size());
    if (!request)
        return failRequest(client, envelope, kInvalidParameters, request.error());
    if constexpr (std::is_same_v<Request, Subscribe>) {
        client.setSubscription(*request);
        respond(client.id(), envelope, responseLine(envelope.id, toJson(Empty{})), {});
        if (request->display && m_scanout.memory.valid())
            client.noteScanout();
        updateSubscriptions();
        if (!client.gone)
            sendNotedTo(client);
    } else {
        ++client.pendingRequests;
        Envelope header; // all but the parameters, for the reply
        header.kind = envelope.kind;
        header.id = envelope.id;
        Call<Request> call{client.id(), std::move(descriptors), {}};
        call.respond = [this, alive = std::weak_ptr(m_alive), id = client.id(),
                        header](Result<Answer<typename Request::Reply>> answer) {
            if (!alive.lock())
                return;
            if (ClientSession* session = find(id))
                --session->pendingRequests;
            if (!answer)
                return respond(id, header, answer.error(), {});
            const size_t count = answer->descriptors.size();
            respond(id, header, responseLine(header.id, toJson(answer->value), count),
                    std::move(answer->descriptors));
        };
        m_handler.handle(*request, std::move(call));
    }
}

template <class Request>
std::pair<const std::string, ControlServer::Method> ControlServer::method() {
    return {std::string(Request::kMethod), {&ControlServer::dispatch<Request>, Request::kLegalIn}};
}

const std::map<std::string, ControlServer::Method, std::less<>>& ControlServer::methods() {
    static const std::map<std::string, Method, std::less<>> table{
        method<Configure>(),
        method<Start>(),
        method<Pause>(),
        method<Resume>(),
        method<Reset>(),
        method<PowerButton>(),
        method<PowerOff>(),
        method<Status>(),
        method<Key>(),
        method<PointerRelative>(),
        method<PointerAbsolute>(),
        method<TypeText>(),
        method<CancelTyping>(),
        method<Screenshot>(),
        method<ScreenText>(),
        method<ChangeMedium>(),
        method<AttachSerial>(),
        method<Subscribe>(),
        method<AttachDrive>(),
        method<DetachDrive>(),
        method<ResizeDrive>(),
        method<TakeSnapshot>(),
        method<MergeLayers>(),
        method<CancelJob>(),
        method<Fork>(),
    };
    return table;
}

// --- Replies and events ------------------------------------------------------------------------

void ControlServer::send(ClientSession& client, const std::string& line,
                         std::vector<UniqueFd> descriptors) {
    if (client.gone)
        return;
    if (!client.send(line, std::move(descriptors))) {
        logWarning("control", "a client does not read its messages and is disconnected");
        return giveUp(client);
    }
    updateWatch(client);
}

void ControlServer::respond(ClientId id, const Envelope& request, const Result<std::string>& line,
                            std::vector<UniqueFd> descriptors) {
    ClientSession* client = find(id);
    if (!client || request.kind != Envelope::Kind::Request)
        return;
    if (line)
        send(*client, *line, std::move(descriptors));
    else
        send(*client, failureLine(request.id, kRequestFailed, line.error()));
}

void ControlServer::failRequest(ClientSession& client, const Envelope& request, int rpcCode,
                                const Error& error) {
    if (request.kind == Envelope::Kind::Request)
        send(client, failureLine(request.id, rpcCode, error));
}

void ControlServer::sendNotedTo(ClientSession& client) {
    if (!client.sendNoted(m_scanout))
        return giveUp(client);
    updateWatch(client);
}

template <class Event>
void ControlServer::publish(const Event& event) {
    if (m_clients.empty())
        return;
    const std::string line = notificationLine(Event::kMethod, toJson(event));
    for (auto& [id, client] : m_clients)
        send(*client, line);
}

template void ControlServer::publish(const StateChanged&);
template void ControlServer::publish(const GuestReset&);
template void ControlServer::publish(const LedsChanged&);
template void ControlServer::publish(const PointerModeChanged&);
template void ControlServer::publish(const MediumEjected&);
template void ControlServer::publish(const JobProgress&);
template void ControlServer::publish(const Exiting&);

void ControlServer::publishScanout(const ScanoutInfo& info, UniqueFd memory) {
    m_scanout = {info, std::move(memory)};
    for (auto& [id, client] : m_clients) {
        if (client->gone || !client->subscription().display)
            continue;
        client->noteScanout();
        sendNotedTo(*client);
    }
}

void ControlServer::publishDamage(const std::vector<Rect>& rectangles) {
    if (rectangles.empty())
        return;
    for (auto& [id, client] : m_clients) {
        if (client->gone || !client->subscription().display)
            continue;
        client->noteDamage(m_scanout.info.generation, rectangles);
        sendNotedTo(*client);
    }
}

void ControlServer::publishActivity(const Activity& activity) {
    for (auto& [id, client] : m_clients) {
        if (client->gone || !client->subscription().activity)
            continue;
        client->noteActivity(activity);
        sendNotedTo(*client);
    }
}

void ControlServer::updateSubscriptions() {
    Subscribe wanted;
    for (const auto& [id, client] : m_clients) {
        if (client->gone)
            continue;
        wanted.display |= client->subscription().display;
        wanted.activity |= client->subscription().activity;
    }
    if (wanted.display == m_subscriptions.display && wanted.activity == m_subscriptions.activity)
        return;
    m_subscriptions = wanted;
    if (!wanted.display)
        m_scanout = {}; // nobody keeps it up to date from here on
    m_handler.subscriptionsChanged(wanted);
}

void ControlServer::finish(int timeoutMs) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + std::chrono::milliseconds(timeoutMs);
    for (;;) {
        std::vector<pollfd> waiting;
        for (auto& [id, client] : m_clients) {
            if (client->gone)
                continue;
            if (!client->channel().flush())
                giveUp(*client);
            else if (client->channel().wantsWrite())
                waiting.push_back({client->channel().fd(), POLLOUT, 0});
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        if (waiting.empty() || left <= 0)
            break;
        ::poll(waiting.data(), waiting.size(), static_cast<int>(left));
    }
    for (auto& [id, client] : m_clients)
        if (!client->gone)
            m_loop.unwatch(client->channel().fd());
    m_clients.clear();
    if (m_listening) {
        m_loop.unwatch(m_listening.get());
        m_listening.reset();
    }
}

} // namespace vivarium::control
