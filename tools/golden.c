/* What tools/emulated.sh runs on other processors:
 *
 *     golden decode STREAM > PIXELS            all frames, as they lie in memory
 *     golden encode STREAM NEAR > STREAM       the same pixels, encoded anew with an error of at most NEAR */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dicompress.h"

static int fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    return 1;
}

int main(int count, char **arguments) {
    if (count < 3) return fail("golden", "decode STREAM, or encode STREAM NEAR");
    FILE *file = fopen(arguments[2], "rb");
    if (!file) return fail(arguments[2], "cannot be read");
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    unsigned char *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) return fail(arguments[2], "cannot be read");
    fclose(file);

    const dicompress_limits limits = {0, 0, 2};
    dicompress_error error;
    dicompress_stream *stream;
    if (dicompress_open(data, size, &limits, &stream, &error)) return fail(arguments[2], error.text);
    const dicompress_part all = dicompress_everything();
    size_t bytes = dicompress_part_bytes(stream, &all);
    unsigned char *pixels = malloc(bytes);
    if (!pixels) return fail(arguments[2], "not enough memory");
    if (dicompress_decode(stream, &all, pixels, bytes, &error)) return fail(arguments[2], error.text);
    if (!strcmp(arguments[1], "encode") && count > 3) {
        dicompress_info info = dicompress_describe(stream);
        unsigned char *again;
        info.near = atoi(arguments[3]);
        if (dicompress_encode(pixels, &info, info.frames > 1, &limits, &again, &bytes, &error)) return fail(arguments[2], error.text);
        fwrite(again, 1, bytes, stdout);
        dicompress_free(again);
    } else {
        fwrite(pixels, 1, bytes, stdout);
    }
    free(pixels);
    dicompress_close(stream);
    free(data);
    return 0;
}
