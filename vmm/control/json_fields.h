#pragma once

// Only for the .cpp files of this folder: how a struct's fields become JSON members. A struct is
// described once, by an overload
//     template <class Visitor, Is<Key> M> void describe(Visitor& v, M& message)
// that hands every field with its bounds to the visitor; JsonWriter and JsonReader are visitors.

#include "vmm/base/result.h"
#include "vmm/control/machine_config.h"
#include "vmm/control/machine_state.h"
#include "vmm/control/messages.h"

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace vivarium::control {

template <class M, class Struct>
concept Is = std::same_as<std::remove_const_t<M>, Struct>;

// Bounds of a field: of a number's value, a string's bytes or an array's length.
struct FieldRange {
    int64_t min = std::numeric_limits<int64_t>::min();
    uint64_t max = std::numeric_limits<uint64_t>::max();
};
constexpr FieldRange upTo(uint64_t max) {
    return {0, max};
}

// Marks an index of a descriptor beside the message, or -1.
struct DescriptorIndex {};

// Names of an enum's values on the wire; one specialisation an enum.
template <class Enum>
struct EnumNames;

template <class Enum>
std::string_view enumName(Enum value) {
    for (const auto& [candidate, name] : EnumNames<Enum>::kNames)
        if (candidate == value)
            return name;
    return "unknown";
}

class JsonWriter {
public:
    explicit JsonWriter(nlohmann::json& object) : m_object(object) {
        m_object = nlohmann::json::object();
    }

    template <class T, class... Bounds>
    void operator()(const char* name, const T& value, Bounds...) {
        m_object[name] = write(value);
    }

private:
    template <class T>
    static nlohmann::json write(const T& value) {
        if constexpr (std::is_enum_v<T>) {
            return enumName(value);
        } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
            return value;
        } else {
            nlohmann::json object;
            JsonWriter writer(object);
            describe(writer, value);
            return object;
        }
    }
    template <class T>
    static nlohmann::json write(const std::vector<T>& values) {
        nlohmann::json array = nlohmann::json::array();
        for (const T& value : values)
            array.push_back(write(value));
        return array;
    }

    nlohmann::json& m_object;
};

class JsonReader {
public:
    JsonReader(const nlohmann::json& object, size_t descriptorCount)
        : m_object(object), m_descriptorCount(descriptorCount) {
        if (!object.is_object())
            m_error = fail(ErrorCode::InvalidArgument, "the value is not an object");
    }

    // The first thing that was wrong.
    const std::optional<Error>& error() const { return m_error; }

    template <class T>
    void operator()(const char* name, T& value, FieldRange range = {}) {
        if (m_error)
            return;
        m_path.push_back(name);
        auto found = m_object.find(name);
        if (found != m_object.end())
            read(*found, value, range);
        else
            checkDefault(value, range);
        m_path.pop_back();
    }

    void operator()(const char* name, int& value, DescriptorIndex) {
        (*this)(name, value, FieldRange{-1, m_descriptorCount > 0 ? m_descriptorCount - 1 : 0});
        // With no descriptors at all the range above would still allow 0.
        if (!m_error && value >= 0 && static_cast<size_t>(value) >= m_descriptorCount) {
            m_path.push_back(name);
            refuse(std::to_string(value), "-1, as no descriptors came with the message");
            m_path.pop_back();
        }
    }

    // For conditions beyond one field: `field` is its name, `wanted` what it should be.
    void require(bool condition, const char* field, const std::string& value,
                 const std::string& wanted) {
        if (m_error || condition)
            return;
        m_path.push_back(field);
        refuse(value, wanted);
        m_path.pop_back();
    }

private:
    static constexpr size_t kShownBytes = 60;

    void refuse(std::string value, const std::string& wanted) {
        if (m_error)
            return;
        if (value.size() > kShownBytes)
            value = value.substr(0, kShownBytes) + "...";
        std::string path;
        for (const std::string& part : m_path)
            path += (path.empty() || part.front() == '[' ? "" : ".") + part;
        m_error =
            fail(ErrorCode::InvalidArgument, path + " is " + value + "; it must be " + wanted);
    }
    static std::string shown(const nlohmann::json& value) {
        return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    static std::string rangeText(const FieldRange& range, const char* what) {
        return what + std::string(" ") + std::to_string(range.min) + ".." +
               std::to_string(range.max);
    }

    template <class T>
    void checkDefault(const T& value, FieldRange range) {
        if constexpr (std::is_same_v<T, std::string>)
            checkLength(value.size(), range, "\"\"", "a string of bytes");
    }
    template <class T>
    void checkDefault(const std::vector<T>& value, FieldRange range) {
        checkLength(value.size(), range, "missing", "an array of length");
    }
    void checkLength(size_t length, FieldRange range, const std::string& value, const char* what) {
        if (length > range.max || (range.min > 0 && length < static_cast<uint64_t>(range.min))) {
            range.min = std::max<int64_t>(range.min, 0);
            refuse(value, rangeText(range, what));
        }
    }

    template <class T>
    void read(const nlohmann::json& json, T& value, FieldRange range) {
        if constexpr (std::is_enum_v<T>) {
            readEnum(json, value);
        } else if constexpr (std::is_same_v<T, bool>) {
            if (const bool* boolean = json.get_ptr<const bool*>())
                value = *boolean;
            else
                refuse(shown(json), "true or false");
        } else if constexpr (std::is_integral_v<T>) {
            readInteger(json, value, range);
        } else if constexpr (std::is_same_v<T, std::string>) {
            const auto* text = json.get_ptr<const std::string*>();
            if (!text)
                return refuse(shown(json), "a string");
            checkLength(text->size(), range, shown(json), "a string of bytes");
            value = *text;
        } else if (!json.is_object()) {
            refuse(shown(json), "an object");
        } else {
            JsonReader reader(json, m_descriptorCount);
            reader.m_path = m_path;
            describe(reader, value);
            if (reader.m_error)
                m_error = reader.m_error;
        }
    }
    template <class T>
    void read(const nlohmann::json& json, std::vector<T>& values, FieldRange range) {
        if (!json.is_array())
            return refuse(shown(json), "an array");
        checkLength(json.size(), range, "of length " + std::to_string(json.size()),
                    "an array of length");
        values.clear();
        for (size_t i = 0; i < json.size() && !m_error; ++i) {
            m_path.push_back("[" + std::to_string(i) + "]");
            read(json[i], values.emplace_back(), FieldRange{});
            m_path.pop_back();
        }
    }
    template <class T>
    void readInteger(const nlohmann::json& json, T& value, FieldRange range) {
        using Limits = std::numeric_limits<T>;
        range.min = std::max<int64_t>(
            range.min, std::is_signed_v<T> ? static_cast<int64_t>(Limits::min()) : 0);
        range.max = std::min<uint64_t>(range.max, static_cast<uint64_t>(Limits::max()));
        bool good = false;
        if (json.is_number_unsigned()) {
            auto number = json.get<uint64_t>();
            good = number <= range.max &&
                   (range.min <= 0 || number >= static_cast<uint64_t>(range.min));
        } else if (json.is_number_integer()) {
            auto number = json.get<int64_t>();
            good =
                number >= range.min && (number < 0 || static_cast<uint64_t>(number) <= range.max);
        }
        if (good)
            value = json.get<T>();
        else
            refuse(shown(json), rangeText(range, "an integer in"));
    }
    template <class Enum>
    void readEnum(const nlohmann::json& json, Enum& value) {
        std::string wanted;
        const auto* text = json.get_ptr<const std::string*>();
        for (const auto& [candidate, name] : EnumNames<Enum>::kNames) {
            if (text && *text == name) {
                value = candidate;
                return;
            }
            wanted += (wanted.empty() ? "" : ", ") + std::string(name);
        }
        refuse(shown(json), "one of " + wanted);
    }

    const nlohmann::json& m_object;
    size_t m_descriptorCount;
    std::vector<std::string> m_path;
    std::optional<Error> m_error;
};

// A described struct as a JSON object, and back. Errors as JsonReader's first.
template <class Struct>
nlohmann::json describedToJson(const Struct& value) {
    nlohmann::json json;
    JsonWriter writer(json);
    describe(writer, value);
    return json;
}

template <class Struct>
Result<Struct> describedFromJson(const nlohmann::json& json, size_t descriptorCount) {
    Struct value;
    JsonReader reader(json, descriptorCount);
    describe(reader, value);
    if (reader.error())
        return *reader.error();
    return value;
}

} // namespace vivarium::control
