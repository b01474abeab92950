#include "app/image/image_options.h"

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include <sys/socket.h>

namespace vivarium::image {

namespace {

Result<int> parseSocket(std::string_view text) {
    int fd = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
    int type = 0;
    socklen_t length = sizeof type;
    if (error != std::errc() || end != text.data() + text.size() || fd < 3 ||
        ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0)
        return fail(ErrorCode::InvalidArgument,
                    "--control-fd " + std::string(text) + " is not the descriptor of a socket");
    return fd;
}

} // namespace

Result<ImageOptions> parseImageOptions(int argc, const char* const* argv) {
    using Action = ImageOptions::Action;
    ImageOptions options;
    bool foreign = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view option = argv[i];
        if (option == "--help" || option == "-h") {
            options.action = Action::Help;
            return options;
        }
        if (option == "--version") {
            options.action = Action::Version;
            return options;
        }
        if (option == "--foreign") {
            foreign = true;
        } else if (option == "--control-fd") {
            if (i + 1 >= argc)
                return fail(ErrorCode::InvalidArgument, "--control-fd needs a value");
            options.controlFd = TRY(parseSocket(argv[++i]));
        } else {
            return fail(ErrorCode::InvalidArgument, "unknown option " + std::string(option));
        }
    }
    if (options.controlFd < 0)
        return fail(ErrorCode::InvalidArgument,
                    "this program is started by vivarium and viv; use \"viv disk\" instead");
    options.action = foreign ? Action::ForeignJob : Action::Job;
    return options;
}

const char* imageUsage() {
    return "Usage: vivarium-image --control-fd N [--foreign]\n"
           "Does one job on disk images, in a sandbox. Started by vivarium and viv, not by hand:\n"
           "the command for people is \"viv disk\".\n"
           "\n"
           "  --control-fd N   take the job from the socket with descriptor N\n"
           "  --foreign        the job is one on a VMDK, VDI, VHD or VHDX image, for qemu-img\n"
           "  --version        print the version\n"
           "  --help           print this\n";
}

} // namespace vivarium::image
