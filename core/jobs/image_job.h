#pragma once

#include "core/jobs/background.h"
#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"
#include "vmm/control/image_messages.h"

#include <QString>

#include <functional>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace vivarium {

// One vivarium-image process: a request with its files, progress, the reply. What ImageTool is made
// of; nobody else needs it. Blocks; any thread but the main one.
class ImageJob {
public:
    enum class Kind { Own, Foreign /* a VMDK, VDI, VHD or VHDX image, for qemu-img */ };
    using ExtentHandler = std::function<void(const control::ImageExtents&)>;

    explicit ImageJob(QString program, Kind kind = Kind::Own, ExtentHandler extents = {})
        : m_program(std::move(program)), m_kind(kind), m_extents(std::move(extents)) {}

    // Errors: what the process answered; Cancelled; Unavailable (the program is not there);
    // Internal (it died).
    template <class Request>
    Result<typename Request::Reply> run(const Request& request, std::vector<UniqueFd> descriptors,
                                        Progress& progress) const {
        const nlohmann::json reply =
            TRY(runMethod(Request::kMethod, control::imageMessageToJson(request),
                          std::move(descriptors), progress));
        return control::imageMessageFromJson<typename Request::Reply>(reply);
    }

private:
    Result<nlohmann::json> runMethod(std::string_view method, const nlohmann::json& params,
                                     std::vector<UniqueFd> descriptors, Progress& progress) const;

    QString m_program;
    Kind m_kind;
    ExtentHandler m_extents;
};

} // namespace vivarium
