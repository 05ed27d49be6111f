/* Reads or writes registers through libmodbus, and says what it sees.
 *
 *     client PORT UNIT read  holding|input ADDRESS COUNT     registers, one decimal number a line
 *     client PORT UNIT float ADDRESS abcd|cdab|badc|dcba     one number, as libmodbus puts four bytes together
 *     client PORT UNIT bits  coils|inputs ADDRESS COUNT      0 or 1, one a line
 *     client PORT UNIT write ADDRESS WORD...                 function 16
 *
 * Exit code 1 and the reason on stderr where the server refuses or does not answer.
 */
#include <modbus/modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

enum { MOST = 125 };

static int fail(modbus_t *bus)
{
    fprintf(stderr, "%s\n", modbus_strerror(errno));
    modbus_close(bus);
    modbus_free(bus);
    return 1;
}

static float in_order(const uint16_t *words, const char *order)
{
    if (strcmp(order, "abcd") == 0)
        return modbus_get_float_abcd(words);
    if (strcmp(order, "cdab") == 0)
        return modbus_get_float_cdab(words);
    if (strcmp(order, "badc") == 0)
        return modbus_get_float_badc(words);
    return modbus_get_float_dcba(words);
}

static int run(modbus_t *bus, int argc, char **argv)
{
    uint16_t words[MOST] = {0};
    uint8_t bits[MOST] = {0};
    const char *what = argv[3];
    int done = -1, count = argc > 6 ? atoi(argv[6]) : 0;

    if (strcmp(what, "read") == 0) {
        int is_input = strcmp(argv[4], "input") == 0;
        done = (is_input ? modbus_read_input_registers : modbus_read_registers)(bus, atoi(argv[5]), count, words);
        for (int n = 0; n < done; n++)
            printf("%u\n", (unsigned)words[n]);
    } else if (strcmp(what, "float") == 0) {
        done = modbus_read_registers(bus, atoi(argv[4]), 2, words);
        if (done == 2)
            printf("%.9g\n", (double)in_order(words, argv[5]));
    } else if (strcmp(what, "bits") == 0) {
        int is_coil = strcmp(argv[4], "coils") == 0;
        done = (is_coil ? modbus_read_bits : modbus_read_input_bits)(bus, atoi(argv[5]), count, bits);
        for (int n = 0; n < done; n++)
            printf("%u\n", (unsigned)bits[n]);
    } else if (strcmp(what, "write") == 0) {
        for (int n = 0; n < argc - 5 && n < MOST; n++)
            words[n] = (uint16_t)atoi(argv[5 + n]);
        done = modbus_write_registers(bus, atoi(argv[4]), argc - 5, words);
    }
    return done;
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    modbus_t *bus = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
    if (bus == NULL)
        return 2;
    modbus_set_slave(bus, atoi(argv[2]));
    modbus_set_response_timeout(bus, 10, 0);
    if (modbus_connect(bus) != 0 || run(bus, argc, argv) < 0)
        return fail(bus);
    modbus_close(bus);
    modbus_free(bus);
    return 0;
}
