#pragma once

#include "vmm/base/bytes.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include <rfb/rfbclient.h>

namespace vivarium::test {

// libvncclient, pumped by the test.
struct VncTestClient {
    rfbClient* client = rfbGetClient(8, 3, 4);
    bool connected = false;
    std::string clipboard;

    explicit VncTestClient(uint16_t port, std::string password = {})
        : m_password(std::move(password)) {
        rfbClientLog = rfbClientErr = silence;
        rfbClientSetClientData(client, tag(), this);
        client->GetPassword = [](rfbClient* c) -> char* {
            const auto& given =
                static_cast<VncTestClient*>(rfbClientGetClientData(c, tag()))->m_password;
            return given.empty() ? nullptr : ::strdup(given.c_str()); // "" would never be freed
        };
        client->GotXCutText = [](rfbClient* c, const char* text, int length) {
            static_cast<VncTestClient*>(rfbClientGetClientData(c, tag()))
                ->clipboard.assign(text, static_cast<size_t>(length));
        };
        client->canHandleNewFBSize = TRUE;
        std::free(client->serverHost); // rfbGetClient() puts an empty one there
        client->serverHost = ::strdup("127.0.0.1");
        client->serverPort = port;
        connected = rfbInitClient(client, nullptr, nullptr);
        if (!connected)
            client = nullptr; // freed by rfbInitClient
    }
    ~VncTestClient() {
        if (client) {
            std::free(client->frameBuffer);
            rfbClientCleanup(client);
        }
    }
    VncTestClient(const VncTestClient&) = delete;
    VncTestClient& operator=(const VncTestClient&) = delete;

    // Handles one message, if one comes within 20 ms; false when the server has hung up.
    bool pump() {
        // What the library has read ahead does not make the socket readable.
        int ready = client->buffered > 0 ? 1 : WaitForMessage(client, 20'000);
        return ready == 0 || (ready > 0 && HandleRFBServerMessage(client));
    }
    // 0x00RRGGBB; libvncclient asks for red in the lowest byte.
    uint32_t pixel(int x, int y) const {
        uint32_t bgr = loadLe<uint32_t>(client->frameBuffer + (y * client->width + x) * 4);
        return (bgr & 0xFF) << 16 | (bgr & 0xFF00) | (bgr >> 16 & 0xFF);
    }

private:
    static void silence(const char*, ...) {}
    static void* tag() {
        static char address;
        return &address;
    }
    std::string m_password;
};

} // namespace vivarium::test
