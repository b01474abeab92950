#pragma once

#include "vmm/base/event_loop.h"
#include "vmm/control/envelope.h"
#include "vmm/control/server/client_session.h"
#include "vmm/control/server/control_handler.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vivarium::control {

// The worker's end of the control protocol: several clients, none of which can hold the machine up.
// Parses, checks that a request is legal, hands it to the handler, sends replies and events. Lives
// on the loop's thread; never blocks but in finish().
class ControlServer {
public:
    static constexpr size_t kMaxClients = 16;

    ControlServer(EventLoop& loop, ControlHandler& handler);
    ~ControlServer();

    // Serves a connected Unix stream socket. Errors: LimitExceeded (clients), InvalidArgument.
    Result<void> addClient(UniqueFd socket);
    // Accepts further clients from a listening Unix stream socket. Errors: the system's.
    Result<void> listen(UniqueFd listening);
    size_t clientCount() const;

    // To every client.
    template <class Event>
    void publish(const Event& event);
    // To those that subscribed. The picture is remembered for clients that subscribe later.
    void publishScanout(const ScanoutInfo& info, UniqueFd memory);
    void publishDamage(const std::vector<Rect>& rectangles);
    void publishActivity(const Activity& activity);

    // Sends what is queued, waiting at most `timeoutMs` for slow clients, then closes everything.
    void finish(int timeoutMs);

private:
    template <class Request>
    void dispatch(ClientSession& client, const Envelope& envelope,
                  std::vector<UniqueFd> descriptors);
    using Dispatch = void (ControlServer::*)(ClientSession&, const Envelope&,
                                             std::vector<UniqueFd>);
    struct Method {
        Dispatch dispatch;
        StateSet legalIn;
    };
    static const std::map<std::string, Method, std::less<>>& methods();
    template <class Request>
    static std::pair<const std::string, Method> method();

    void clientReady(ClientId id, uint32_t events);
    void readRequests(ClientSession& client);
    void handleLine(ClientSession& client, const std::string& line);
    void handleRequest(ClientSession& client, const Envelope& envelope,
                       std::vector<UniqueFd> descriptors);
    void respond(ClientId client, const Envelope& request, const Result<std::string>& line,
                 std::vector<UniqueFd> descriptors);
    void failRequest(ClientSession& client, const Envelope& request, int rpcCode,
                     const Error& error);
    void send(ClientSession& client, const std::string& line,
              std::vector<UniqueFd> descriptors = {});
    void sendNotedTo(ClientSession& client);
    void updateWatch(ClientSession& client);
    void giveUp(ClientSession& client);
    void removeGone();
    void updateSubscriptions();
    void acceptClients();
    ClientSession* find(ClientId id);

    EventLoop& m_loop;
    ControlHandler& m_handler;
    UniqueFd m_listening;
    std::map<ClientId, std::unique_ptr<ClientSession>> m_clients;
    ClientId m_nextId = 1;
    PublishedScanout m_scanout;
    Subscribe m_subscriptions; // all clients' together, as the handler knows it
    bool m_removalPosted = false;
    // Posted tasks and responders that outlive the server find this expired.
    std::shared_ptr<int> m_alive = std::make_shared<int>(0);
};

} // namespace vivarium::control
