#include "reply.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct replier {
    modbus_t *contexts[2]; /* by transport */
    int written, caught;   /* libmodbus writes into one end, we read from the other */
};

replier *replier_open(void)
{
    replier *r = calloc(1, sizeof *r);
    int ends[2];

    if (!r)
        return NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
        free(r);
        return NULL;
    }
    r->written = ends[0];
    r->caught = ends[1];
    /* Neither context ever opens its own line: they only frame. */
    r->contexts[OVER_TCP] = modbus_new_tcp("127.0.0.1", 0);
    r->contexts[OVER_RTU] = modbus_new_rtu("/dev/null", 9600, 'E', 8, 1);
    if (!r->contexts[OVER_TCP] || !r->contexts[OVER_RTU]) {
        replier_close(r);
        return NULL;
    }
    modbus_set_socket(r->contexts[OVER_TCP], r->written);
    modbus_set_socket(r->contexts[OVER_RTU], r->written);
    return r;
}

void replier_close(replier *r)
{
    for (int via = 0; via < 2; via++)
        if (r->contexts[via]) {
            modbus_set_socket(r->contexts[via], -1);
            modbus_free(r->contexts[via]);
        }
    close(r->written);
    close(r->caught);
    free(r);
}

static void catch_reply(const replier *r, int sent, reply *out)
{
    ssize_t got = sent > 0 ? recv(r->caught, out->bytes, sizeof out->bytes, MSG_DONTWAIT) : 0;

    out->count = got > 0 ? (size_t)got : 0;
}

void replier_answer(replier *r, transport via, const uint8_t *frame, size_t length, modbus_mapping_t *words, reply *out)
{
    catch_reply(r, modbus_reply(r->contexts[via], frame, (int)length, words), out);
}

void replier_refuse(replier *r, transport via, const uint8_t *frame, size_t length, int code, reply *out)
{
    /* libmodbus looks at no more than the header and the function, but reads them from a whole frame. */
    uint8_t head[REPLY_BYTES] = {0};

    memcpy(head, frame, length < sizeof head ? length : sizeof head);
    catch_reply(r, modbus_reply_exception(r->contexts[via], head, MODBUS_EXCEPTION_SLAVE_OR_SERVER_FAILURE), out);
    if (out->count == 0)
        return;
    /* libmodbus answers nothing for a code that the standard does not define, so the code is put in here. */
    out->bytes[(via == OVER_TCP ? TCP_HEADER_BYTES : RTU_HEADER_BYTES) + 1] = (uint8_t)code;
    if (via == OVER_RTU)
        crc_seal(out->bytes, out->count);
}

uint16_t crc16(const uint8_t *bytes, size_t count)
{
    uint16_t crc = 0xFFFF;

    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

bool crc_holds(const uint8_t *frame, size_t count)
{
    return count > CRC_BYTES &&
           crc16(frame, count - CRC_BYTES) == (frame[count - 2] | (uint16_t)(frame[count - 1] << 8));
}

void crc_seal(uint8_t *frame, size_t count)
{
    const uint16_t crc = crc16(frame, count - CRC_BYTES);

    frame[count - 2] = (uint8_t)(crc & 0xFF);
    frame[count - 1] = (uint8_t)(crc >> 8);
}
