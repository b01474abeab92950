#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

namespace vivarium::image {

// Takes one request about a VMDK, VDI, VHD or VHDX image ("info", "convertForeign") from `socket`
// and has qemu-img do it in a sandbox (README.md). This process never reads the image. A peer that
// closes its end kills qemu-img, and so does the end of this process. Main thread, no other may
// exist. Errors: no request came.
Result<void> serveForeignJob(UniqueFd socket);

} // namespace vivarium::image
