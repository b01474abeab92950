#pragma once

#include "vmm/base/result.h"
#include "vmm/control/messages.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

namespace vivarium::control {

// A request's id as its sender chose it.
using MessageId = std::variant<int64_t, std::string>;

constexpr int kMaxNesting = 32; // arrays and objects within each other
constexpr size_t kMaxIdBytes = 128;
constexpr size_t kMaxMethodBytes = 64;

// One JSON-RPC 2.0 message, its parameters or result not yet interpreted.
struct Envelope {
    enum class Kind { Request, Notification, Response, Failure };
    Kind kind = Kind::Notification;
    MessageId id;               // all but notifications
    std::string method;         // requests and notifications
    nlohmann::json body;        // params (an object), or the result
    Error error;                // failures
    size_t descriptorCount = 0; // "fds"
};

// What is wrong with a line, in JSON-RPC's numbers; `id` when the line had a usable one.
struct EnvelopeError {
    int code = 0;
    std::string message;
    std::optional<MessageId> id;
};

constexpr int kParseError = -32700;
constexpr int kInvalidRequest = -32600;
constexpr int kNoSuchMethod = -32601;
constexpr int kInvalidParameters = -32602;
constexpr int kRequestFailed = -32000;

// Parses one line. The line is foreign: nesting is bounded before anything recursive sees it.
// A parse error or too deep nesting (kParseError) ends a connection; others are answered.
std::variant<Envelope, EnvelopeError> parseEnvelope(std::string_view line);

// The lines (without LF) that carry these. Invalid UTF-8 in them becomes U+FFFD.
std::string requestLine(const MessageId& id, std::string_view method, const nlohmann::json& params,
                        size_t descriptorCount = 0);
std::string notificationLine(std::string_view method, const nlohmann::json& params,
                             size_t descriptorCount = 0);
std::string responseLine(const MessageId& id, const nlohmann::json& result,
                         size_t descriptorCount = 0);
// `rpcCode`: one of the numbers above; the error's code name and errno travel in "data".
std::string failureLine(const std::optional<MessageId>& id, int rpcCode, const Error& error);

} // namespace vivarium::control
