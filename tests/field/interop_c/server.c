/* Serves registers through libmodbus: `server WORD...` listens on a free port, says `listening on PORT`, and holds the
 * words from address 0 on in holding and input registers. Coils and inputs are the lowest bit of the same words.
 * One client at a time; ends with its stdin.
 */
#include <modbus/modbus.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REGISTERS = 256 };

static int listen_anywhere(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 4) != 0)
        return -1;
    if (getsockname(listener, (struct sockaddr *)&at, &size) != 0)
        return -1;
    *port = ntohs(at.sin_port);
    return listener;
}

static void serve(modbus_t *bus, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    struct pollfd seen[2] = {{.fd = modbus_get_socket(bus), .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (;;) {
        if (poll(seen, 2, -1) < 0 || seen[1].revents)
            return;
        int size = modbus_receive(bus, query);
        if (size < 0)
            return;
        if (size > 0)
            modbus_reply(bus, query, size, map);
    }
}

int main(int argc, char **argv)
{
    int port = 0, listener = listen_anywhere(&port);
    modbus_mapping_t *map = modbus_mapping_new(REGISTERS, REGISTERS, REGISTERS, REGISTERS);
    modbus_t *bus = modbus_new_tcp("127.0.0.1", port);
    if (listener < 0 || map == NULL || bus == NULL)
        return 1;
    for (int n = 0; n < argc - 1 && n < REGISTERS; n++) {
        map->tab_registers[n] = map->tab_input_registers[n] = (uint16_t)atoi(argv[n + 1]);
        map->tab_bits[n] = map->tab_input_bits[n] = atoi(argv[n + 1]) & 1;
    }
    printf("listening on %d\n", port);
    fflush(stdout);
    struct pollfd seen[2] = {{.fd = listener, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    while (poll(seen, 2, -1) >= 0 && !seen[1].revents) {
        int accepted = listener;
        if (modbus_tcp_accept(bus, &accepted) >= 0)
            serve(bus, map);
        modbus_close(bus);
    }
    close(listener);
    modbus_mapping_free(map);
    modbus_free(bus);
    return 0;
}
