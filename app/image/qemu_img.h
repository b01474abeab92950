#pragma once

#include "app/image/job_connection.h"
#include "vmm/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::image {

// Whether QEMU's image program is there. Error: Unavailable, with the remedy.
Result<void> findQemuImg();

// Runs it with `arguments` as the only process of this one's new process namespace, sends progress
// to `connection`, and returns what it printed besides (at most kMaxOutputBytes). A peer that goes
// kills it. Errors: Cancelled, NoSpace, Corrupt (it failed; its own words).
Result<std::string> runQemuImg(const std::vector<std::string>& arguments,
                               JobConnection& connection);
constexpr size_t kMaxOutputBytes = 256 * 1024;

// The share of "    (12.34/100%)\r", 0..10000, when `text` ends with one whole such piece.
std::optional<unsigned> progressOf(std::string_view text);

} // namespace vivarium::image
