#pragma once

#include "vmm/backends/input/input_session.h"
#include "vmm/backends/vnc/vnc_server.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <rfb/rfb.h>

namespace vivarium {

// libvncserver's screen and clients. Lives on the VNC server's thread from beginning to end.
class VncServer::Session {
public:
    Session(VncServer& server, UniqueFd listening, const VncOptions& options);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Serves until the server wants to stop.
    void run();

private:
    // A client's input, shared with the tasks that carry it to the device thread.
    struct Client {
        Session* session;
        std::shared_ptr<InputSession> input; // used on the device thread only
        std::chrono::steady_clock::time_point connectedAt;
        int buttons = 0; // last mask, to tell wheel notches
    };

    void waitForWork();
    bool takeNotes(); // false: stop
    void showScanout(const ScanoutInfo& info, const UniqueFd& memory);
    void showNothing();
    void acceptClients();
    void dropSlowHandshakes();
    void clientsChanged(int difference);
    void releaseMapping();

    static Client& clientOf(rfbClientPtr client) {
        return *static_cast<Client*>(client->clientData);
    }
    static rfbNewClientAction clientArrived(rfbClientPtr client);
    static void clientLeft(rfbClientPtr client);
    static void key(rfbBool down, rfbKeySym keysym, rfbClientPtr client);
    static void pointer(int buttons, int x, int y, rfbClientPtr client);
    static void clipboard(char* text, int length, rfbClientPtr client);

    VncServer& m_server;
    UniqueFd m_listening;
    std::string m_password;
    bool m_acceptsInput;
    char* m_passwordList[2] = {nullptr, nullptr};
    rfbScreenInfoPtr m_screen = nullptr;
    std::vector<uint32_t> m_blank; // shown before the first scanout
    void* m_mapping = nullptr;
    size_t m_mappingBytes = 0;
};

} // namespace vivarium
