#pragma once

#include "vmm/base/result.h"
#include "vmm/devices/interrupt/io_apic.h"
#include "vmm/devices/interrupt/local_apic.h"
#include "vmm/devices/interrupt/pic_pair.h"
#include "vmm/devices/interrupt/pit.h"

#include <cstdint>
#include <vector>

namespace vivarium {

// The chips' states in the layouts of the kernel's KVM interface (kvm_irqchip, kvm_pit_state2,
// kvm_lapic_state), which is what a saved state holds under either accelerator. What a layout has
// no place for stands in bytes that the kernel ignores. Unpacking takes hostile bytes; whoever gets
// the state bounds it (setState). Errors: Corrupt (size).
std::vector<uint8_t> packPic(const PicPair::Chip& chip, unsigned index);
Result<PicPair::Chip> unpackPic(const std::vector<uint8_t>& bytes);
std::vector<uint8_t> packIoApic(const IoApic::State& state);
Result<IoApic::State> unpackIoApic(const std::vector<uint8_t>& bytes);
// `owedTicks`: InterruptChips::ChipStates.
std::vector<uint8_t> packPit(const Pit::State& state, uint32_t owedTicks);
Result<Pit::State> unpackPit(const std::vector<uint8_t>& bytes);
Result<uint32_t> unpackOwedTicks(const std::vector<uint8_t>& bytes);
// `apic` gives the running counter as of `nowNs`, which the layout holds instead of its start.
std::vector<uint8_t> packLocalApic(const LocalApic::State& state, uint64_t nowNs);
// Registers, errors and the countdown; the rest of `state` is in the processor's other structures
// and stays as it is.
Result<void> unpackLocalApic(const std::vector<uint8_t>& bytes, uint64_t nowNs,
                             LocalApic::State& state);

} // namespace vivarium
