#pragma once

#include <cstdint>

// Constants of virtio 1.2 that the transport and its tests share.
namespace vivarium::virtio {

// Device status (2.1).
constexpr uint8_t kStatusAcknowledge = 1;
constexpr uint8_t kStatusDriver = 2;
constexpr uint8_t kStatusDriverOk = 4;
constexpr uint8_t kStatusFeaturesOk = 8;
constexpr uint8_t kStatusNeedsReset = 64;
constexpr uint8_t kStatusFailed = 128;

// Features of the transport (6).
constexpr uint64_t kFeatureIndirect = uint64_t{1} << 28;
constexpr uint64_t kFeatureEventIndex = uint64_t{1} << 29;
constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;

// PCI (4.1.2, 4.1.4).
constexpr uint16_t kPciVendor = 0x1AF4;
constexpr uint16_t kPciDeviceBase = 0x1040;
constexpr uint8_t kPciCapabilityVendor = 0x09;
constexpr uint8_t kCapCommon = 1;
constexpr uint8_t kCapNotify = 2;
constexpr uint8_t kCapIsr = 3;
constexpr uint8_t kCapDevice = 4;
constexpr uint8_t kCapPciAccess = 5;
constexpr uint8_t kCapType = 3; // offsets in a capability
constexpr uint8_t kCapBar = 4;
constexpr uint8_t kCapOffset = 8;
constexpr uint8_t kCapLength = 12;
constexpr uint8_t kCapBytes = 16;
constexpr uint8_t kCapExtra = 16; // notify multiplier, or the data window

// Where the structures are in the register BAR.
constexpr unsigned kRegisterBar = 0;
constexpr unsigned kMsixBar = 1;
constexpr uint64_t kCommonOffset = 0x0000;
constexpr uint64_t kIsrOffset = 0x1000;
constexpr uint64_t kDeviceOffset = 0x2000;
constexpr uint64_t kNotifyOffset = 0x3000;
constexpr uint64_t kStructureBytes = 0x1000;
constexpr uint64_t kRegisterBarBytes = 0x4000;
constexpr uint32_t kNotifyMultiplier = 4;

// Common configuration (4.1.4.3).
constexpr uint32_t kDeviceFeatureSelect = 0x00;
constexpr uint32_t kDeviceFeature = 0x04;
constexpr uint32_t kDriverFeatureSelect = 0x08;
constexpr uint32_t kDriverFeature = 0x0C;
constexpr uint32_t kConfigVector = 0x10;
constexpr uint32_t kQueueCount = 0x12;
constexpr uint32_t kDeviceStatus = 0x14;
constexpr uint32_t kConfigGeneration = 0x15;
constexpr uint32_t kQueueSelect = 0x16;
constexpr uint32_t kQueueSize = 0x18;
constexpr uint32_t kQueueVector = 0x1A;
constexpr uint32_t kQueueEnable = 0x1C;
constexpr uint32_t kQueueNotifyOffset = 0x1E;
constexpr uint32_t kQueueDescriptors = 0x20;
constexpr uint32_t kQueueDriver = 0x28;
constexpr uint32_t kQueueDevice = 0x30;
constexpr uint32_t kCommonBytes = 0x38;

constexpr uint16_t kNoVector = 0xFFFF;
constexpr uint8_t kIsrQueue = 1;
constexpr uint8_t kIsrConfig = 2;

} // namespace vivarium::virtio
