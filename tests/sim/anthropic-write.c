#include "common/json.h"
#include "tests/sim/anthropic.h"

#define ULL(x) ((unsigned long long)(x))

static void write_text(struct buf *b, struct span s)
{
        int r = json_write_string(b, s);

        if (r < 0 && !b->failed)
                b->failed = r;
}

void anthropic_write_error(struct buf *b, const char *type, const char *message,
                           const char *request_id)
{
        buf_printf(b, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", type);
        write_text(b, span_of(message));
        buf_printf(b, "},\"request_id\":\"%s\"}", request_id);
}

static void write_usage(struct buf *b, const struct cache_usage *u, uint64_t output,
                        enum usage_style style)
{
        if (style == USAGE_NULL)
                buf_printf(b,
                           "{\"input_tokens\":null,\"cache_creation_input_tokens\":null,\"cache_"
                           "read_input_tokens\":null,\"output_tokens\":%llu}",
                           ULL(output));
        else
                buf_printf(b,
                           "{\"input_tokens\":%llu,\"cache_creation_input_tokens\":%llu,\"cache_"
                           "read_input_tokens\":%llu,"
                           "\"cache_creation\":{\"ephemeral_5m_input_tokens\":%llu,\"ephemeral_1h_"
                           "input_tokens\":%llu},"
                           "\"output_tokens\":%llu,\"service_tier\":\"standard\"}",
                           ULL(u->input), ULL(u->write_5m + u->write_1h), ULL(u->read),
                           ULL(u->write_5m), ULL(u->write_1h), ULL(output));
}

void anthropic_write_start(struct buf *b, const char *id, const char *model,
                           const struct cache_usage *u, enum usage_style style)
{
        buf_printf(b,
                   "event: message_start\ndata: "
                   "{\"type\":\"message_start\",\"message\":{\"id\":\"%s\",\"type\":\"message\","
                   "\"role\":\"assistant\","
                   "\"model\":\"%s\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null",
                   id, model);
        if (style != USAGE_NONE) {
                buf_add_text(b, ",\"usage\":");
                write_usage(b, u, 1, style);
        }
        buf_add_text(b, "}}\n\n");
}

void anthropic_write_block_start(struct buf *b)
{
        buf_add_text(
                b,
                "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n");
}

void anthropic_write_ping(struct buf *b)
{
        buf_add_text(b, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

void anthropic_write_delta(struct buf *b, struct span text)
{
        buf_add_text(
                b,
                "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                "\"delta\":{\"type\":\"text_delta\",\"text\":");
        write_text(b, text);
        buf_add_text(b, "}}\n\n");
}

void anthropic_write_block_stop(struct buf *b)
{
        buf_add_text(b, "event: content_block_stop\ndata: "
                        "{\"type\":\"content_block_stop\",\"index\":0}\n\n");
}

void anthropic_write_delta_end(struct buf *b, const char *stop_reason, const struct reply_usage *u,
                               enum usage_style style)
{
        buf_printf(b,
                   "event: message_delta\ndata: "
                   "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_"
                   "sequence\":null}",
                   stop_reason);
        if (style != USAGE_NONE) {
                buf_add_text(b, ",\"usage\":");
                write_usage(b, &u->in, u->output, style);
        }
        buf_add_text(b, "}\n\n");
}

void anthropic_write_stop(struct buf *b)
{
        buf_add_text(b, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
}

void anthropic_write_error_event(struct buf *b, const char *type, const char *message)
{
        buf_printf(
                b,
                "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":",
                type);
        write_text(b, span_of(message));
        buf_add_text(b, "}}\n\n");
}

void anthropic_write_message(struct buf *b, const char *id, const char *model, struct span text,
                             const char *stop_reason, const struct reply_usage *u,
                             enum usage_style style)
{
        buf_printf(b,
                   "{\"id\":\"%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%s\","
                   "\"content\":[",
                   id, model);
        if (text.n) {
                buf_add_text(b, "{\"type\":\"text\",\"text\":");
                write_text(b, text);
                buf_add_char(b, '}');
        }
        buf_printf(b, "],\"stop_reason\":\"%s\",\"stop_sequence\":null", stop_reason);
        if (style != USAGE_NONE) {
                buf_add_text(b, ",\"usage\":");
                write_usage(b, &u->in, u->output, style);
        }
        buf_add_char(b, '}');
}
