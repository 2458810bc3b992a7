/* Decodes a stream to a PGM picture: decode STREAM PICTURE.pgm [FRAME [LEVEL]]
 *
 *     cmake -S . -B build/c && cmake --build build/c
 *     cc -o decode examples/decode.c -Icore -Lbuild/c -ldicompress -Wl,-rpath,"$PWD/build/c"
 *
 * Without a level it is the finest that the data holds. Values of signed pixels are moved up by half the range, as a PGM has none
 * below 0; of colour the first sample is shown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicompress.h"

static unsigned char *read_file(const char *name, size_t *size) {
    FILE *file = fopen(name, "rb");
    unsigned char *data = NULL;
    size_t room = 0;
    *size = 0;
    while (file) {
        if (*size == room) {
            room = room ? 2 * room : 1 << 16;
            data = realloc(data, room);
            if (!data) break;
        }
        size_t count = fread(data + *size, 1, room - *size, file);
        *size += count;
        if (count == 0) break;
    }
    if (!file || ferror(file)) {
        free(data);
        data = NULL;
    }
    if (file) fclose(file);
    return data;
}

static unsigned value_of(const unsigned char *pixel, dicompress_type type) {
    uint16_t word;
    if (type == DICOMPRESS_UINT8) return *pixel;
    if (type == DICOMPRESS_INT8) return *pixel ^ 0x80u;
    memcpy(&word, pixel, 2);
    return type == DICOMPRESS_INT16 ? word ^ 0x8000u : word;
}

static int write_pgm(const char *name, const unsigned char *pixels, int rows, int columns, int samples, dicompress_type type) {
    FILE *file = fopen(name, "wb");
    if (!file) return 1;
    const int bytes = type == DICOMPRESS_UINT8 || type == DICOMPRESS_INT8 ? 1 : 2;
    fprintf(file, "P5\n%d %d\n%d\n", columns, rows, bytes == 1 ? 255 : 65535);
    for (size_t i = 0; i < (size_t)rows * (size_t)columns; ++i) {
        unsigned value = value_of(pixels + i * (size_t)(bytes * samples), type);
        if (bytes == 2) putc((int)(value >> 8), file);
        putc((int)(value & 255), file);
    }
    return fclose(file);
}

int main(int count, char **arguments) {
    dicompress_error error;
    dicompress_stream *stream;
    size_t size;
    if (count < 3) return fprintf(stderr, "usage: decode STREAM PICTURE.pgm [FRAME [LEVEL]]\n"), 2;
    unsigned char *data = read_file(arguments[1], &size);
    if (!data) return fprintf(stderr, "%s cannot be read\n", arguments[1]), 1;
    if (dicompress_open(data, size, NULL, &stream, &error)) return fprintf(stderr, "%s: %s\n", arguments[1], error.text), 1;

    dicompress_info info = dicompress_describe(stream);
    dicompress_part part = dicompress_everything();
    part.frame = count > 3 ? atoll(arguments[3]) : 0;
    part.level = count > 4 ? atoi(arguments[4]) : info.finest;
    size_t bytes = dicompress_part_bytes(stream, &part);
    unsigned char *pixels = malloc(bytes ? bytes : 1);
    if (!pixels || dicompress_decode(stream, &part, pixels, bytes, &error))
        return fprintf(stderr, "%s: %s\n", arguments[1], pixels ? error.text : "not enough memory"), 1;
    const int more = (1 << part.level) - 1;
    const int rows = (info.rows + more) >> part.level, columns = (info.columns + more) >> part.level;
    int failed = write_pgm(arguments[2], pixels, rows, columns, info.samples, info.type);
    if (failed) fprintf(stderr, "%s cannot be written\n", arguments[2]);
    free(pixels);
    dicompress_close(stream);
    free(data);
    return failed;
}
