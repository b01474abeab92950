#include "vmm/kvm/cpuid.h"

#include "vmm/base/bytes.h"

#include <algorithm>

namespace vivarium {

namespace {

uint32_t highest(const std::vector<CpuidEntry>& entries, uint32_t base) {
    const CpuidEntry* entry = findCpuid(entries, base);
    return entry ? entry->eax : 0;
}

// "AuthenticAMD" and "HygonGenuine" in EBX, EDX, ECX of leaf 0.
bool isAmd(const std::vector<CpuidEntry>& entries) {
    const CpuidEntry* entry = findCpuid(entries, 0);
    return entry && ((entry->ebx == 0x68747541 && entry->edx == 0x69746E65) ||
                     (entry->ebx == 0x6F677948 && entry->edx == 0x6E65476E));
}

// How many APIC ids share a cache of `level`, minus one: first and second level belong to a core,
// the third to the socket.
uint32_t cacheSharing(uint32_t level, const CpuTopology& topology) {
    return (1u << (level >= 3 ? topology.socketShift() : topology.coreShift())) - 1;
}

// Leaves 0xB and 0x1F: one sub-leaf a level (Intel SDM 2A, CPUID, "V2 Extended Topology").
void appendTopology(std::vector<CpuidEntry>& entries, uint32_t function,
                    const CpuTopology& topology, uint32_t apicId) {
    constexpr uint32_t kThreadLevel = 1 << 8, kCoreLevel = 2 << 8;
    CpuidEntry entry;
    entry.function = function;
    entry.flags = CpuidEntry::kSignificantIndex;
    entry.edx = apicId;

    entry.index = 0;
    entry.eax = topology.coreShift();
    entry.ebx = topology.threads;
    entry.ecx = kThreadLevel | 0;
    entries.push_back(entry);

    entry.index = 1;
    entry.eax = topology.socketShift();
    entry.ebx = topology.cpusPerSocket();
    entry.ecx = kCoreLevel | 1;
    entries.push_back(entry);

    entry.index = 2;
    entry.eax = entry.ebx = 0;
    entry.ecx = 2; // level type 0: no more levels
    entries.push_back(entry);
}

void setBit(uint32_t& value, unsigned bit, bool on) {
    value = on ? value | 1u << bit : value & ~(1u << bit);
}

} // namespace

Result<void> checkTopology(const CpuTopology& topology) {
    constexpr uint32_t kMax = 65536;
    auto perSocket = checkedMultiply(uint64_t{topology.cores}, topology.threads);
    if (topology.sockets == 0 || topology.cores == 0 || topology.threads == 0 ||
        *perSocket > kMax || *perSocket * topology.sockets > kMax)
        return fail(ErrorCode::InvalidArgument,
                    "the processor topology must have between 1 and 65536 processors");
    return {};
}

uint32_t apicIdOf(const CpuTopology& topology, uint32_t index) {
    uint32_t thread = index % topology.threads;
    uint32_t core = index / topology.threads % topology.cores;
    uint32_t socket = index / topology.cpusPerSocket();
    return socket << topology.socketShift() | core << topology.coreShift() | thread;
}

const CpuidEntry* findCpuid(const std::vector<CpuidEntry>& entries, uint32_t function,
                            uint32_t index) {
    auto found = std::find_if(entries.begin(), entries.end(), [=](const CpuidEntry& entry) {
        return entry.function == function &&
               (!(entry.flags & CpuidEntry::kSignificantIndex) || entry.index == index);
    });
    return found == entries.end() ? nullptr : &*found;
}

std::vector<CpuidEntry> guestCpuid(const std::vector<CpuidEntry>& supported,
                                   const CpuidOptions& options) {
    const CpuTopology& topology = options.topology;
    const uint32_t apicId = apicIdOf(topology, options.cpuIndex);
    const uint32_t perSocket = topology.cpusPerSocket();
    const bool amd = isAmd(supported);
    std::vector<CpuidEntry> result;

    for (CpuidEntry entry : supported) {
        switch (entry.function) {
        case 0x1: {
            // EBX: initial APIC id, addressable ids in the package, CLFLUSH size.
            uint32_t ids = std::min(1u << topology.socketShift(), 255u);
            entry.ebx = (entry.ebx & 0xFFFF) | ids << 16 | (apicId & 0xFF) << 24;
            setBit(entry.ecx, 3, false); // MONITOR: not virtualised
            setBit(entry.ecx, 24, options.tscDeadlineTimer);
            setBit(entry.ecx, 31, true); // hypervisor present
            setBit(entry.edx, 28, perSocket > 1);
            break;
        }
        case 0x4:
            if ((entry.eax & 0x1F) != 0) { // a cache, not the end of the list
                uint32_t coreIds = (1u << (topology.socketShift() - topology.coreShift())) - 1;
                uint32_t sharing = cacheSharing(entry.eax >> 5 & 7, topology);
                entry.eax = (entry.eax & 0x3FFF) | std::min(sharing, 0xFFFu) << 14 |
                            std::min(coreIds, 0x3Fu) << 26;
            }
            break;
        case 0xA: // performance counters
        case 0x80000022:
            entry.eax = entry.ebx = entry.ecx = entry.edx = 0;
            break;
        case 0xB:
        case 0x1F:
            continue; // made anew below
        case 0x80000001:
            if (amd)
                setBit(entry.ecx, 1, perSocket > 1); // CmpLegacy
            for (unsigned counters : {23u, 24u, 28u})
                setBit(entry.ecx, counters, false);
            break;
        case 0x80000008: // AMD APM 3, E.4.7: cores of the package and width of their ids
            if (amd)
                entry.ecx = std::min(perSocket - 1, 0xFFu) | topology.socketShift() << 12;
            break;
        case 0x8000001D:
            if ((entry.eax & 0x1F) != 0)
                entry.eax = (entry.eax & 0x3FFF) |
                            std::min(cacheSharing(entry.eax >> 5 & 7, topology), 0xFFFu) << 14;
            break;
        case 0x8000001E: { // AMD APM 3, E.4.17
            uint32_t core = options.cpuIndex / topology.threads % topology.cores;
            entry.eax = apicId;
            entry.ebx = (core & 0xFF) | (topology.threads - 1) << 8;
            entry.ecx = (options.cpuIndex / perSocket) & 0xFF; // one node a socket
            break;
        }
        default:
            break;
        }
        result.push_back(entry);
    }
    if (highest(supported, 0) >= 0xB)
        appendTopology(result, 0xB, topology, apicId);
    if (highest(supported, 0) >= 0x1F)
        appendTopology(result, 0x1F, topology, apicId);
    return result;
}

} // namespace vivarium
