/* The smallest program that asks a server on a Unix socket: connects, sends its argument, copies
 * the answer (one line) to standard output, ends. What `genopt ask` takes longer than this is what
 * being genopt costs.
 *
 *     bench-minimal SOCKET REQUEST
 */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        static char answer[65536];
        size_t n = 0;
        ssize_t got;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        if (argc != 3 || fd < 0 || strlen(argv[1]) >= sizeof(a.sun_path))
                return 2;
        memcpy(a.sun_path, argv[1], strlen(argv[1]));
        if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
                return 1;
        if (write(fd, argv[2], strlen(argv[2])) != (ssize_t)strlen(argv[2]))
                return 1;
        while ((got = read(fd, answer + n, sizeof(answer) - n)) > 0) {
                n += (size_t)got;
                if (answer[n - 1] == '\n')
                        return write(STDOUT_FILENO, answer, n) == (ssize_t)n ? 0 : 1;
        }
        return 1;
}
