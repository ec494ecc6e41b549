// Offers logins at a rate of its own, whether or not the earlier ones have been answered (an open loop), and asks the
// operations listener meanwhile.
//
//   offered PORT OPERATIONS BODIES PATH DEADLINE_MS CONNECTIONS PHASE...
//
// BODIES holds a request body in each line, with a device of 24 zeros, over which each login writes its own. A login
// takes an idle connection, or opens one; its time counts from the moment at which it was due. A client whose deadline
// has passed hangs up. A phase is RATExSECONDS, or cCOUNTxSECONDS for COUNT clients that each wait for their answer before
// they ask again (a closed loop). Every 50 ms one of /livez, /readyz and /metrics is asked over a connection of its own.
//
// Prints a line of JSON for each second.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOGIN, PROBE, KINDS, DEVICE = 24, BUFFER = 1 << 18, PROBE_GAP_US = 50000 };

typedef struct {
    int socket, kind, busy, index;
    int64_t due;
    unsigned long turn;
    char *in;
    int length, sent, size;
    char *out;
} Connection;

typedef struct { Connection *connection; unsigned long turn; } Waiting;

typedef struct {
    long offered, good, without, shed, other, late, failed, unsent;
    int64_t *times, *shedTimes;
    int64_t probeLongest;
    long probes, probesBad;
} Second;

static int epoll, ports[KINDS], most, opened, busy;
static int64_t deadline;
static Connection *all, **idle;
static int idleCount;
static Waiting *line;
static size_t lineHead, lineTail, lineSize = 1 << 20;
static char **bodies;
static int bodyCount;
static const char *path;
static Second now;
static char requestBuffer[65536];
static const char *probePaths[] = {"/livez", "/readyz", "/metrics"};

static int64_t clockUs(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void fail(const char *what) { perror(what); exit(1); }

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile(int64_t *times, long count, double share) {
    return count ? times[(long)(share * (count - 1))] / 1000.0 : 0;
}

static void report(double at) {
    qsort(now.times, now.good, sizeof(int64_t), compare);
    qsort(now.shedTimes, now.shed + now.without, sizeof(int64_t), compare);
    printf("{\"second\":%.0f,\"offered\":%ld,\"good\":%ld,\"shed\":%ld,\"without\":%ld,\"other\":%ld,\"late\":%ld,\"failed\":%ld,"
           "\"unsent\":%ld,\"connections\":%d,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"max_ms\":%.1f,\"shed_p99_ms\":%.1f,"
           "\"probes\":%ld,\"probes_bad\":%ld,\"probe_max_ms\":%.1f}\n",
           at, now.offered, now.good, now.shed, now.without, now.other, now.late, now.failed, now.unsent, opened,
           percentile(now.times, now.good, .5), percentile(now.times, now.good, .99), percentile(now.times, now.good, 1),
           percentile(now.shedTimes, now.shed + now.without, .99), now.probes, now.probesBad, now.probeLongest / 1000.0);
    fflush(stdout);
    int64_t *times = now.times, *shedTimes = now.shedTimes;
    memset(&now, 0, sizeof now);
    now.times = times;
    now.shedTimes = shedTimes;
}

static void rest(Connection *c) {
    busy -= c->busy && c->kind == LOGIN;
    c->busy = 0;
}

static void hangUp(Connection *c) {
    close(c->socket);
    c->socket = -1;
    rest(c);
    if (c->kind == LOGIN) opened--;
}

static void openSocket(Connection *c) {
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->socket < 0) fail("socket");
    int one = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(ports[c->kind])};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c->socket, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) fail("connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->socket, &event);
    if (c->kind == LOGIN) opened++;
}

static void ended(Connection *c, int isGood) {
    if (!c->busy) return;
    if (c->kind == PROBE) {
        int64_t took = clockUs() - c->due;
        if (took > now.probeLongest) now.probeLongest = took;
        now.probes++;
        now.probesBad += !isGood;
    } else if (!isGood) {
        now.failed++;
    }
}

static void push(Connection *c) {
    while (c->sent < c->size) {
        ssize_t count = send(c->socket, c->out + c->sent, c->size - c->sent, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN || errno == ENOTCONN) return;
            ended(c, 0);
            hangUp(c);
            return;
        }
        c->sent += count;
    }
}

static void ask(Connection *c, int64_t due, int size) {
    c->due = due;
    c->busy = 1;
    busy += c->kind == LOGIN;
    c->turn++;
    c->length = c->sent = 0;
    c->size = size;
    memcpy(c->out, requestBuffer, size);
    line[lineTail++ % lineSize] = (Waiting){c, c->turn};
    push(c);
}

static void login(int64_t due) {
    static long number;
    Connection *c = NULL;
    now.offered++;
    while (idleCount && !c) {
        c = idle[--idleCount];
        if (c->socket < 0 || c->busy) c = NULL;
    }
    for (int i = 0; !c && opened < most && i < most; i++)
        if (all[i].socket < 0 && !all[i].busy) {
            c = &all[i];
            openSocket(c);
        }
    if (!c) {
        now.unsent++;
        return;
    }
    const char *body = bodies[number % bodyCount];
    int size = snprintf(requestBuffer, sizeof requestBuffer,
                        "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        path, strlen(body), body);
    char *device = strstr(requestBuffer, "000000000000000000000000"), digits[DEVICE + 1];
    snprintf(digits, sizeof digits, "%08x%016lx", getpid(), ++number);
    memcpy(device, digits, DEVICE);
    ask(c, due, size);
}

static void probe(Connection *c, int64_t due) {
    static int next;
    if (c->socket >= 0) {
        if (c->busy) return;
        hangUp(c);
    }
    openSocket(c);
    int size = snprintf(requestBuffer, sizeof requestBuffer, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                        probePaths[next++ % 3]);
    ask(c, due, size);
}

static void answered(Connection *c) {
    int status = atoi(c->in + 9);
    int64_t took = clockUs() - c->due;
    ended(c, 1);
    if (c->kind == PROBE) {
        now.probesBad += status != 200;
    } else if (status == 200 && strstr(c->in, "\"external_identity\":null")) {
        now.shedTimes[now.shed + now.without++] = took;
    } else if (status == 200) {
        now.times[now.good++] = took;
    } else if (status == 503) {
        now.shedTimes[now.without + now.shed++] = took;
    } else {
        now.other++;
    }
    rest(c);
    if (c->kind == PROBE || strstr(c->in, "\r\nConnection: close")) hangUp(c);
    else idle[idleCount++] = c;
}

static void pull(Connection *c) {
    while (c->socket >= 0) {
        ssize_t count = recv(c->socket, c->in + c->length, BUFFER - 1 - c->length, 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count <= 0) {
            ended(c, 0);
            hangUp(c);
            return;
        }
        c->length += count;
        c->in[c->length] = 0;
        char *end = strstr(c->in, "\r\n\r\n"), *length = strstr(c->in, "Content-Length: ");
        if (!c->busy || !end || !length || c->length < end + 4 - c->in + atoi(length + 16)) continue;
        answered(c);
        c->length = 0;
    }
}

static void giveUpLate(int64_t moment) {
    while (lineHead < lineTail) {
        Waiting *first = &line[lineHead % lineSize];
        Connection *c = first->connection;
        if (c->busy && c->turn == first->turn) {
            if (c->due + deadline > moment) return;
            if (c->kind == LOGIN) now.late++; else ended(c, 0);
            hangUp(c);
        }
        lineHead++;
    }
}

static void readBodies(const char *file) {
    FILE *in = fopen(file, "r");
    if (!in) fail(file);
    char *text = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&text, &room, in)) > 0) {
        if (text[length - 1] == '\n') text[length - 1] = 0;
        bodies = realloc(bodies, ++bodyCount * sizeof(char *));
        bodies[bodyCount - 1] = strdup(text);
    }
    fclose(in);
}

int main(int argc, char **argv) {
    if (argc < 8) return fprintf(stderr, "see the head of offered.c\n"), 2;
    ports[LOGIN] = atoi(argv[1]);
    ports[PROBE] = atoi(argv[2]);
    readBodies(argv[3]);
    path = argv[4];
    deadline = atol(argv[5]) * 1000;
    most = atoi(argv[6]);
    epoll = epoll_create1(0);
    all = calloc(most + 1, sizeof *all);
    idle = calloc(most + (1 << 20), sizeof *idle);
    line = calloc(lineSize, sizeof *line);
    now.times = calloc(1 << 20, sizeof(int64_t));
    now.shedTimes = calloc(1 << 20, sizeof(int64_t));
    for (int i = 0; i <= most; i++)
        all[i] = (Connection){.socket = -1, .kind = i == most ? PROBE : LOGIN, .in = malloc(BUFFER), .out = malloc(16384)};
    srand48(1);
    int64_t start = clockUs(), next = start, nextProbe = start, nextReport = start + 1000000;
    for (int phase = 7; phase < argc; phase++) {
        double rate, seconds;
        int isClosed = argv[phase][0] == 'c';
        if (sscanf(argv[phase] + isClosed, "%lfx%lf", &rate, &seconds) != 2) return 2;
        int64_t end = next + seconds * 1000000;
        while (1) {
            int64_t moment = clockUs();
            while (isClosed && moment < end && busy < rate) login(moment);
            while (!isClosed && next <= moment && next < end) {
                login(next);
                next += -log(1 - drand48()) / rate * 1000000;
            }
            if (nextProbe <= moment) {
                probe(&all[most], nextProbe);
                nextProbe += PROBE_GAP_US;
            }
            giveUpLate(moment);
            if (nextReport <= moment) {
                report((nextReport - start) / 1e6);
                nextReport += 1000000;
            }
            if ((isClosed || next >= end) && moment >= end) break;
            struct epoll_event events[512];
            int count = epoll_wait(epoll, events, 512, 1);
            for (int i = 0; i < count; i++) {
                Connection *c = events[i].data.ptr;
                if (c->socket >= 0 && events[i].events & EPOLLOUT && c->busy) push(c);
                if (c->socket >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
            }
        }
        next = end;
    }
    return 0;
}
