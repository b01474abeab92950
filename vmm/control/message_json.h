#pragma once

#include "vmm/base/result.h"
#include "vmm/control/messages.h"

#include <nlohmann/json_fwd.hpp>

namespace vivarium::control {

// JSON form of every request, reply and event of messages.h (instantiated for each of them in
// message_json.cpp); fields have the names of their members, enums their lower-case names.
template <class Message>
nlohmann::json toJson(const Message& message);

// The inverse. Fields that are missing keep their defaults, unknown ones are ignored; descriptor
// indices must be below `descriptorCount`. Error: InvalidArgument naming the field, its value and
// the range.
template <class Message>
Result<Message> fromJson(const nlohmann::json& json, size_t descriptorCount = 0);

// Names of enums on the wire.
std::string_view keyActionName(KeyAction action); // "press", "down", "up"

} // namespace vivarium::control
