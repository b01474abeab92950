#pragma once

namespace vivarium {

// What chipset registers hold after a reset.
enum class ChipsetStart {
    ColdReset,  // the data sheet's reset values: firmware sets the chipset up
    Programmed, // as firmware leaves them (ECAM, PMBASE, RCBA, RAM below 1 MiB): direct kernel boot
};

// Where firmware, and so the ACPI tables, expect the chipset's blocks.
namespace chipset {
constexpr unsigned long long kEcamBase = 0xB0000000;
constexpr unsigned kEcamBytes = 0x10000000;
constexpr unsigned kRootComplexBase = 0xFED1C000;
constexpr unsigned kRootComplexBytes = 0x4000;
constexpr unsigned kHpetBase = 0xFED00000;
constexpr unsigned short kPmBase = 0x600;
constexpr unsigned short kPmBytes = 0x80;
constexpr unsigned kSciGsi = 9;
} // namespace chipset

} // namespace vivarium
