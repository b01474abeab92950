#include "vmm/backends/network/unattached_port.h"
#include "vmm/machine/machine_builder_board.h"

#include <utility>

namespace vivarium {

Result<void> MachineBuilderBoard::buildNetwork() {
    for (const control::NetworkCardConfig& config : m_config.networkCards)
        TRY(addNetworkCard(config));
    return {};
}

Result<void> MachineBuilderBoard::addNetworkCard(const control::NetworkCardConfig& config) {
    const BoardServices& s = m_services;
    if (config.slot >= kNetworkSlots)
        return fail(ErrorCode::InvalidArgument, "a network card's slot is 0 to 3");
    const auto address = MacAddress::parse(config.macAddress);
    if (!address)
        return fail(ErrorCode::InvalidArgument, "\"" + config.macAddress + "\" is no MAC address");
    m_networkPorts.push_back(std::make_unique<UnattachedPort>());
    m_networkCards.push_back(
        TRY(VirtioNet::create({static_cast<uint8_t>(kFirstNetworkSlot + config.slot), 0},
                              {{s.ports, s.memoryMap, s.interrupts, *m_lpc},
                               s.memory,
                               s.tasks,
                               s.doorbells,
                               *m_networkPorts.back()},
                              "net" + std::to_string(config.slot), *address)));
    return addPci(*m_networkCards.back().transport);
}

void MachineBuilderBoard::resumeNetwork() {
    for (const VirtioNet::Function& function : m_networkCards)
        function.card->resume();
}

} // namespace vivarium
