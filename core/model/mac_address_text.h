#pragma once

#include "vmm/base/mac_address.h"

#include <QString>

namespace vivarium {

// "52:54:00:12:34:56"
inline QString macAddressText(const MacAddress& address) {
    return QString::fromStdString(address.text());
}

} // namespace vivarium
