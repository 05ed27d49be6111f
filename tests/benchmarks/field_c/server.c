/* A bank of Modbus TCP devices on libmodbus: one process, one register map a port, one thread.

   usage: server [ports]          (default 1)

   Listens on that many free ports of 127.0.0.1, prints them on one line, and serves until it is killed. Holding
   registers 0 to 63 store what is written. Each read of register 0 finds the number of reads so far, and registers
   1 and 2 follow the commands in registers 32 and 33 with a first-order lag, so that a controller has something to
   control and a reader can tell a fresh value from an old one. */
#include <errno.h>
#include <modbus.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REGISTERS = 64,
    MAX_PORTS = 1000,
    EVENTS = 64,
    READS = 0,     /* counts the reads */
    MEASURED = 1,  /* two of them */
    COMMANDS = 32, /* two of them */
    LAG = 8,       /* share 1/LAG of the way to the command, each read */
    HEADER = 7,    /* bytes of a frame before the function code */
    READ_HOLDING = 3
};

typedef struct {
    int listener;
    int client; /* -1: none; a newcomer replaces the one before */
    modbus_mapping_t *map;
} device;

typedef struct {
    int epoll;
    modbus_t *bus;
    device *devices;
} bank;

static void die(const char *what)
{
    fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(const bank *b, int fd, uint64_t owner)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = owner}};

    if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static unsigned listen_anywhere(device *d)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;

    d->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (d->listener < 0 || bind(d->listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(d->listener, 4) < 0 || getsockname(d->listener, (struct sockaddr *)&address, &size) < 0)
        die("listen");
    return ntohs(address.sin_port);
}

/* Even numbers of the event's owner are listeners, odd ones clients. */
static void open_devices(bank *b, int ports)
{
    for (int i = 0; i < ports; i++) {
        device *d = &b->devices[i];

        d->client = -1;
        d->map = modbus_mapping_new(0, 0, REGISTERS, 0);
        if (!d->map)
            die("modbus_mapping_new");
        printf("%s%u", i ? " " : "", listen_anywhere(d));
        watch(b, d->listener, 2 * (uint64_t)i);
    }
    printf("\n");
    fflush(stdout);
}

static void admit(bank *b, int i)
{
    const int yes = 1;
    device *d = &b->devices[i];
    const int fd = accept(d->listener, NULL, NULL);

    if (fd < 0)
        return;
    if (d->client >= 0)
        close(d->client);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    d->client = fd;
    watch(b, fd, 2 * (uint64_t)i + 1);
}

static void lag(device *d)
{
    uint16_t *registers = d->map->tab_registers;

    registers[READS]++;
    for (int i = 0; i < 2; i++) {
        const int gap = registers[COMMANDS + i] - registers[MEASURED + i];

        registers[MEASURED + i] = (uint16_t)(registers[MEASURED + i] + gap / LAG);
    }
}

static void serve(bank *b, int i)
{
    uint8_t frame[MODBUS_TCP_MAX_ADU_LENGTH];
    device *d = &b->devices[i];
    int length;

    modbus_set_socket(b->bus, d->client);
    length = modbus_receive(b->bus, frame);
    if (length > HEADER && frame[HEADER] == READ_HOLDING)
        lag(d);
    if (length < 0 || modbus_reply(b->bus, frame, length, d->map) < 0) {
        close(d->client);
        d->client = -1;
    }
}

int main(int count, char **words)
{
    const int ports = count > 1 ? atoi(words[1]) : 1;
    struct epoll_event events[EVENTS];
    bank b;

    if (ports < 1 || ports > MAX_PORTS) {
        fprintf(stderr, "server: 1 to %d ports\n", MAX_PORTS);
        return 2;
    }
    b.epoll = epoll_create1(0);
    b.bus = modbus_new_tcp(NULL, 502);
    b.devices = calloc((size_t)ports, sizeof *b.devices);
    if (b.epoll < 0 || !b.bus || !b.devices)
        die("start");
    open_devices(&b, ports);
    for (;;) {
        const int ready = epoll_wait(b.epoll, events, EVENTS, -1);

        for (int n = 0; n < ready; n++) {
            const int i = (int)(events[n].data.u64 / 2);

            if (events[n].data.u64 % 2)
                serve(&b, i);
            else
                admit(&b, i);
        }
    }
}
