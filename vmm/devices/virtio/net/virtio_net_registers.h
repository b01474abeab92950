#pragma once

#include <cstdint>

// The network device of virtio 1.2, 5.1.
namespace vivarium::virtio_net {

// Queues of a device with one pair (5.1.2).
constexpr unsigned kReceiveQueue = 0;
constexpr unsigned kTransmitQueue = 1;
constexpr unsigned kControlQueue = 2;
constexpr unsigned kQueueCount = 3;

// Features (5.1.3).
constexpr uint64_t kFeatureMac = 1 << 5;
constexpr uint64_t kFeatureMergedBuffers = 1 << 15;
constexpr uint64_t kFeatureStatus = 1 << 16;
constexpr uint64_t kFeatureControlQueue = 1 << 17;
constexpr uint64_t kFeatureControlReceive = 1 << 18;
constexpr uint64_t kFeatureAnnounce = 1 << 21;
constexpr uint64_t kFeatureControlAddress = 1 << 23;

// Configuration (5.1.4). What follows belongs to features that are not offered.
constexpr uint32_t kAddress = 0;
constexpr uint32_t kStatus = 6;
constexpr uint32_t kConfigBytes = 8;
constexpr uint16_t kStatusLinkUp = 1;
constexpr uint16_t kStatusAnnounce = 2;

// Header of every packet (5.1.6): flags, GSO type, header length, GSO size, checksum start and
// offset, number of buffers.
constexpr uint64_t kHeaderBytes = 12;
constexpr uint32_t kHeaderGsoType = 1;
constexpr uint32_t kHeaderBufferCount = 10;
constexpr uint8_t kGsoNone = 0;

// Commands (5.1.6.5): class and command, their data; the device writes the acknowledgement.
constexpr uint64_t kCommandBytes = 2;
constexpr uint8_t kAckOk = 0;
constexpr uint8_t kAckError = 1;
constexpr uint8_t kClassReceive = 0; // 5.1.6.5.1; one byte, 0 or 1
constexpr uint8_t kReceivePromiscuous = 0;
constexpr uint8_t kReceiveAllMulticast = 1;
constexpr uint8_t kClassAddress = 1; // 5.1.6.5.2
constexpr uint8_t kAddressTableSet = 0;
constexpr uint8_t kAddressSet = 1;
constexpr uint8_t kClassAnnounce = 3; // 5.1.6.5.4
constexpr uint8_t kAnnounceAcknowledge = 0;

} // namespace vivarium::virtio_net
