#include "vmm/control/envelope.h"

namespace vivarium::control {

using nlohmann::json;

namespace {

// Whether brackets nest at most kMaxNesting deep, looking at the text only.
bool nestingIsBounded(std::string_view line) {
    int depth = 0;
    bool inString = false;
    for (size_t i = 0; i < line.size(); ++i) {
        char c = line[i];
        if (inString) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                inString = false;
        } else if (c == '"') {
            inString = true;
        } else if (c == '{' || c == '[') {
            if (++depth > kMaxNesting)
                return false;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return true;
}

const json* member(const json& object, const char* name) {
    auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
}

std::optional<MessageId> parseId(const json& value) {
    if (value.is_number_unsigned()) {
        auto number = *value.get_ptr<const json::number_unsigned_t*>();
        if (number > static_cast<uint64_t>(INT64_MAX))
            return std::nullopt;
        return MessageId(static_cast<int64_t>(number));
    }
    if (value.is_number_integer())
        return MessageId(*value.get_ptr<const json::number_integer_t*>());
    if (const auto* text = value.get_ptr<const json::string_t*>();
        text && text->size() <= kMaxIdBytes)
        return MessageId(*text);
    return std::nullopt;
}

json idToJson(const MessageId& id) {
    if (const auto* number = std::get_if<int64_t>(&id))
        return *number;
    return std::get<std::string>(id);
}

// The error that a failure carries; every part of it is optional.
Error parseFailure(const json& value) {
    Error error{ErrorCode::Internal, 0, "the request failed"};
    if (!value.is_object())
        return error;
    if (const json* message = member(value, "message"); message && message->is_string())
        error.detail = *message->get_ptr<const json::string_t*>();
    const json* data = member(value, "data");
    if (!data || !data->is_object())
        return error;
    if (const json* code = member(*data, "code"); code && code->is_string())
        error.code = errorCodeFromName(*code->get_ptr<const json::string_t*>());
    if (const json* number = member(*data, "errno"); number && number->is_number_integer()) {
        auto wide = number->get<int64_t>();
        if (wide >= 0 && wide < 4096) // what Linux uses
            error.systemErrno = static_cast<int>(wide);
    }
    return error;
}

std::string dump(const json& message) {
    return message.dump(-1, ' ', false, json::error_handler_t::replace);
}

json message(size_t descriptorCount) {
    json result = {{"jsonrpc", "2.0"}};
    if (descriptorCount > 0)
        result["fds"] = descriptorCount;
    return result;
}

} // namespace

std::variant<Envelope, EnvelopeError> parseEnvelope(std::string_view line) {
    if (!nestingIsBounded(line))
        return EnvelopeError{kParseError, "the message nests too deeply", std::nullopt};
    json object = json::parse(line, nullptr, false);
    if (object.is_discarded())
        return EnvelopeError{kParseError, "the message is not JSON", std::nullopt};
    EnvelopeError error{kInvalidRequest, "", std::nullopt};
    if (!object.is_object()) {
        error.message = "the message is not an object";
        return error;
    }
    Envelope envelope;
    const json* id = member(object, "id");
    if (id && id->is_null())
        id = nullptr;
    if (id) {
        error.id = parseId(*id);
        if (!error.id) {
            error.message = "\"id\" is neither an integer nor a short string";
            return error;
        }
        envelope.id = *error.id;
    }
    const json* version = member(object, "jsonrpc");
    if (!version || *version != "2.0") {
        error.message = "\"jsonrpc\" is not \"2.0\"";
        return error;
    }
    if (const json* count = member(object, "fds")) {
        if (!count->is_number_unsigned() || count->get<uint64_t>() > kMaxDescriptors) {
            error.message = "\"fds\" is not a number of 0.." + std::to_string(kMaxDescriptors);
            return error;
        }
        envelope.descriptorCount = count->get<size_t>();
    }
    if (json* method = object.contains("method") ? &object["method"] : nullptr) {
        auto* name = method->get_ptr<json::string_t*>();
        if (!name || name->empty() || name->size() > kMaxMethodBytes) {
            error.message = "\"method\" is not a name";
            return error;
        }
        envelope.kind = id ? Envelope::Kind::Request : Envelope::Kind::Notification;
        envelope.method = std::move(*name);
        envelope.body = json::object();
        if (object.contains("params"))
            envelope.body = std::move(object["params"]);
        if (!envelope.body.is_object()) {
            error.message = "\"params\" is not an object";
            return error;
        }
        return envelope;
    }
    if (const json* failure = member(object, "error"); failure && !failure->is_null()) {
        envelope.kind = Envelope::Kind::Failure;
        envelope.error = parseFailure(*failure);
        return envelope; // without id: the peer could not read ours
    }
    if (!id || !object.contains("result")) {
        error.message = "the message is neither a request nor a response";
        return error;
    }
    envelope.kind = Envelope::Kind::Response;
    envelope.body = std::move(object["result"]);
    return envelope;
}

std::string requestLine(const MessageId& id, std::string_view method, const json& params,
                        size_t descriptorCount) {
    json line = message(descriptorCount);
    line["id"] = idToJson(id);
    line["method"] = method;
    line["params"] = params;
    return dump(line);
}

std::string notificationLine(std::string_view method, const json& params, size_t descriptorCount) {
    json line = message(descriptorCount);
    line["method"] = method;
    line["params"] = params;
    return dump(line);
}

std::string responseLine(const MessageId& id, const json& result, size_t descriptorCount) {
    json line = message(descriptorCount);
    line["id"] = idToJson(id);
    line["result"] = result;
    return dump(line);
}

std::string failureLine(const std::optional<MessageId>& id, int rpcCode, const Error& error) {
    json line = message(0);
    line["id"] = id ? idToJson(*id) : json();
    line["error"] = {{"code", rpcCode},
                     {"message", error.detail},
                     {"data", {{"code", errorCodeName(error.code)}, {"errno", error.systemErrno}}}};
    return dump(line);
}

} // namespace vivarium::control
