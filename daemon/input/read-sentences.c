#include <ctype.h>

#include "daemon/input/formats.h"
#include "daemon/input/sentence.h"

/* Plain text: sentences about entities (sentence.h), one a line, with or without a bullet before
 * it. Headings (`#`) and blank lines are for people. Under a line that ends in a colon
 * ("Requirements:") items say more of the entity that came last: "name (string, required)" is a
 * field, everything else a requirement of it. */

/* Without "- ", "* ", "3. "; true: there was one. */
static bool drop_bullet(struct span *line)
{
        size_t n = 0;

        while (n < line->n && isdigit((unsigned char)line->at[n]))
                n++;
        if (n == 0 && line->n > 1 && (*line->at == '-' || *line->at == '*'))
                n = 1;
        else if (n > 0 && n < line->n && (line->at[n] == '.' || line->at[n] == ')'))
                n++;
        else
                return false;
        if (n >= line->n || !isspace((unsigned char)line->at[n]))
                return false;
        *line = str_trim((struct span){line->at + n, line->n - n});
        return true;
}

static struct span next_line(struct span *text)
{
        const char *end = memchr(text->at, '\n', text->n);
        struct span line = {text->at, end ? (size_t)(end - text->at) : text->n};
        size_t n = line.n + (end ? 1 : 0);

        *text = (struct span){text->at + n, text->n - n};
        return line;
}

static struct span without_mark(struct span text)
{
        if (text.n >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0)
                return (struct span){text.at + 3, text.n - 3};
        return text;
}

static bool is_for_people(struct span line)
{
        return line.n == 0 || line.at[0] == '#';
}

static const char *knows_text(struct span text)
{
        text = without_mark(text);
        while (text.n > 0) {
                struct span line = str_trim(next_line(&text));

                (void)drop_bullet(&line);
                if (!is_for_people(line))
                        return sentence_is_one(line) ? "it begins with a sentence about an entity"
                                                     : NULL;
        }
        return NULL;
}

static void add_requirement(struct reader *rd, struct span text, const struct yaml_node *at)
{
        struct model *m = rd->model;
        void *grown = m->requirements;
        struct requirement *r;

        if (m->n_requirements >= SPEC_MAX_ITEMS)
                reader_refuse(rd, at, "more than %u requirements", SPEC_MAX_ITEMS);
        if (!reader_more(rd, &grown, m->n_requirements, 1, sizeof(struct requirement)))
                return;
        m->requirements = grown;
        r = &m->requirements[m->n_requirements++];
        reader_note(rd, &rd->requirements, at);
        r->text = str_dup_span(text);
        if (!r->text || (m->n_entities > 0 &&
                         strlist_add(&r->applies_to, m->entities[m->n_entities - 1].name) < 0))
                reader_fail(rd, -ENOMEM);
}

static void read_sentences(struct reader *rd, struct span text)
{
        bool is_list = false;

        text = without_mark(text);
        for (unsigned number = 1; text.n > 0 && !rd->error; number++) {
                struct span whole = next_line(&text), line = str_trim(whole);
                bool is_item;
                const struct yaml_node *at;

                if (is_for_people(line)) {
                        is_list = is_list && line.n == 0; /* a heading ends it */
                        continue;
                }
                is_item = drop_bullet(&line);
                if (line.n == 0)
                        continue;
                at = reader_place(rd, number, (unsigned)(line.at - whole.at) + 1);
                is_list = is_list && is_item;
                if (!is_item && line.at[line.n - 1] == ':' && !sentence_is_one(line))
                        is_list = true;
                else if (!is_list)
                        sentence_read(rd, line, at);
                else if (!sentence_read_field(rd, line, at))
                        add_requirement(rd, line, at);
        }
}

const struct spec_format spec_format_sentences = {
        .name = "sentences about entities", .knows_text = knows_text, .read_text = read_sentences};
