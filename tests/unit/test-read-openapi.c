#include "spec-help.h"

/* OpenAPI documents: what each thing becomes, and what is said about what becomes nothing. */

#define HEAD "openapi: 3.0.3\ninfo: {title: x}\n"

static const struct entity *entity_of(const struct model *m, const char *name)
{
        for (size_t i = 0; i < m->n_entities; i++)
                if (strcmp(m->entities[i].name, name) == 0)
                        return &m->entities[i];
        fail_msg("there is no entity %s", name);
        return NULL;
}

static const struct attribute *attribute_of(const struct attribute *at, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(at[i].name, name) == 0)
                        return &at[i];
        fail_msg("there is no attribute %s", name);
        return NULL;
}

static void check_attribute(const struct entity *e, const char *name, const char *type,
                            const char *description)
{
        const struct attribute *a = attribute_of(e->attributes, e->n_attributes, name);

        assert_string_equal(a->type, type);
        if (description)
                assert_string_equal(a->description, description);
        else
                assert_null(a->description);
}

static void test_types(void **state)
{
        static const struct {
                const char *schema, *type, *description;
        } cases[] = {
                {"{type: string}", "string", NULL},
                {"{type: string, format: date-time}", "datetime", NULL},
                {"{type: string, format: date}", "date", "format date"},
                {"{type: string, format: email}", "email", "format email"},
                {"{type: string, format: iban}", "string", "format iban"},
                {"{type: string, format: binary}", "bytes", NULL},
                {"{type: integer}", "integer", NULL},
                {"{type: integer, format: int64}", "long", NULL},
                {"{type: number, format: float}", "float", NULL},
                {"{type: boolean, default: false}", "boolean", "default false"},
                {"{type: array, items: {type: integer}}", "list of integer", NULL},
                {"{type: array, items: {type: array, items: {type: string}}}",
                 "list of list of string", NULL},
                {"{type: array}", "list of any", NULL},
                {"{type: array, items: {type: string, enum: [a, b]}, maxItems: 3}",
                 "list of enum(a, b)", "at most 3 items; each: one of: a, b"},
                {"{type: object}", "object", NULL},
                {"{type: object, additionalProperties: {type: number}}", "map<string, number>",
                 NULL},
                {"{type: object, required: [a], properties: {b: {type: integer, minimum: 1}, a: "
                 "{type: string}}}",
                 "object", "with required a string, b integer (at least 1)"},
                {"{enum: [red, 2, null]}", "enum(red, 2)", "one of: red, 2"},
                {"{type: [string, \"null\"]}", "string", "may be null"},
                {"{type: string, nullable: true, description: words}", "string",
                 "words (may be null)"},
                {"{anyOf: [{type: integer}, {type: \"null\"}]}", "integer", "may be null"},
                {"{$ref: \"#/components/schemas/Colour\"}", "enum(red, green)",
                 "of the coat (one of: red, green)"},
                {"{$ref: \"#/components/schemas/Other\"}", "Other", NULL},
                {"{$ref: \"#/components/schemas/Alias\"}", "Other", NULL},
                {"{allOf: [{$ref: \"#/components/schemas/Other\"}], description: mine}", "Other",
                 "mine"},
                {"{oneOf: [{$ref: \"#/components/schemas/Other\"}, {type: \"null\"}]}", "Other",
                 "may be null"},
                {"{type: array, items: {$ref: \"#/components/schemas/Other\"}}", "list of Other",
                 NULL},
                {"{type: object, additionalProperties: {$ref: \"#/components/schemas/Other\"}}",
                 "map<string, Other>", NULL},
                {"{type: string, minLength: 1, maxLength: 9, pattern: \"^a+$\", readOnly: true}",
                 "string(9)",
                 "at least 1 characters; at most 9 characters; matches ^a+$; read only"},
                {"{type: number, minimum: 0, exclusiveMinimum: true}", "number", NULL},
                {"{}", "any", NULL},
                {"true", "any", NULL},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = str_printf(
                        HEAD "components:\n  schemas:\n"
                             "    Other: {properties: {id: {type: string}}}\n"
                             "    Alias: {$ref: \"#/components/schemas/Other\"}\n"
                             "    Colour: {type: string, description: of the coat, enum: [red, "
                             "green]}\n"
                             "    A: {properties: {a: %s}}\n",
                        cases[i].schema);
                struct model *m = must_read(text);
                const struct attribute *a = entity_of(m, "A")->attributes;

                print_message("  %s\n", cases[i].schema);
                assert_string_equal(a->type, cases[i].type);
                if (strstr(cases[i].schema, "exclusiveMinimum"))
                        assert_string_equal(a->description, "at least 0; more than true");
                else if (cases[i].description)
                        assert_string_equal(a->description, cases[i].description);
                else
                        assert_null(a->description);
                model_free(m);
        }
}

static void test_all_of(void **state)
{
        struct model *m = must_read(
                HEAD "components:\n  schemas:\n"
                     "    Animal: {description: lives, required: [name], properties: {name: {type: "
                     "string}, legs: {type: integer}}}\n"
                     "    Dog:\n"
                     "      description: barks\n"
                     "      allOf:\n"
                     "      - {$ref: \"#/components/schemas/Animal\"}\n"
                     "      - {required: [legs, id], properties: {id: {type: string}, legs: {type: "
                     "number}}}\n");
        const struct entity *dog = entity_of(m, "Dog");

        (void)state;
        assert_int_equal(m->n_entities, 2);
        assert_string_equal(dog->description, "barks");
        assert_int_equal(dog->n_attributes, 3);
        assert_string_equal(dog->attributes[0].name, "id");
        assert_string_equal(dog->attributes[1].name, "legs");
        assert_string_equal(dog->attributes[1].type, "number");
        assert_true(dog->attributes[0].is_required && dog->attributes[1].is_required &&
                    dog->attributes[2].is_required);
        assert_line(&m->warnings, "`legs` is number here and integer before");
        model_free(m);
}

static void test_relations(void **state)
{
        struct model *m = must_read(
                HEAD "components:\n  schemas:\n"
                     "    User: {properties: {id: {type: string}, home: {$ref: "
                     "\"#/components/schemas/Address\"}, friends: {type: array, items: {$ref: "
                     "\"#/components/schemas/User\"}}}}\n"
                     "    Address: {properties: {id: {type: string}}}\n"
                     "    Order: {properties: {user: {$ref: \"#/components/schemas/User\"}, "
                     "user_id: {type: string}}}\n");

        (void)state;
        assert_int_equal(m->n_relations, 3);
        assert_string_equal(m->relations[0].from, "Order");
        assert_string_equal(m->relations[0].to, "User");
        assert_string_equal(m->relations[0].type, "belongs_to");
        assert_string_equal(m->relations[1].type, "has_many");
        assert_string_equal(m->relations[1].to, "User");
        assert_string_equal(m->relations[2].type, "has_one");
        assert_string_equal(m->relations[2].to, "Address");
        model_free(m);
}

static const char paths[] = HEAD
        "paths:\n"
        "  /orders/{id}:\n"
        "    parameters: [{name: id, in: path, required: true, schema: {type: string}}, {name: "
        "full, in: query, schema: {type: boolean}}]\n"
        "    get:\n"
        "      summary: One\n"
        "      description: with its lines\n"
        "      parameters: [{name: full, in: query, required: true, description: all of it, "
        "schema: {type: boolean}}, {$ref: \"#/components/parameters/Page\"}]\n"
        "      responses: {default: {$ref: \"#/components/responses/Bad\"}, \"200\": "
        "{description: it, content: {application/json: {schema: {$ref: "
        "\"#/components/schemas/Order\"}}}}, \"404\": {description: none}}\n"
        "  /checkout:\n"
        "    post:\n"
        "      requestBody: {$ref: \"#/components/requestBodies/Cart\"}\n"
        "      responses: {\"201\": {description: placed, content: {application/json: {schema: "
        "{$ref: \"#/components/schemas/Order\"}}}}}\n"
        "  /names:\n"
        "    get: {responses: {\"200\": {description: all, content: {application/json: {schema: "
        "{type: array, items: {type: string}}}}}}}\n"
        "    put: {requestBody: {content: {text/csv: {schema: {type: string}}}}, responses: "
        "{\"204\": {description: done}}}\n"
        "components:\n"
        "  parameters: {Page: {name: page, in: query, schema: {type: integer}}}\n"
        "  requestBodies: {Cart: {content: {application/xml: {}, application/json: {schema: "
        "{type: object, required: [items], properties: {items: {type: array, items: {type: "
        "string}}}}}}}}\n"
        "  responses: {Bad: {description: it failed, content: {application/json: {schema: "
        "{$ref: \"#/components/schemas/Problem\"}}}}}\n"
        "  schemas:\n"
        "    Order: {properties: {id: {type: string}}}\n"
        "    Problem: {properties: {title: {type: string}}}\n";

static void test_paths(void **state)
{
        struct model *m = must_read(paths);
        const struct contract *c = m->contracts;

        (void)state;
        assert_int_equal(m->n_contracts, 4);
        assert_string_equal(c[0].method, "POST"); /* paths stand by name, methods in one order */
        assert_string_equal(c[0].endpoint, "/checkout");
        assert_string_equal(c[0].entity, "Order"); /* its path names none: what it answers */
        assert_string_equal(c[0].request[0].name, "items");
        assert_true(c[0].request[0].is_required);
        assert_string_equal(c[0].description, "answers 201: placed");
        assert_string_equal(c[1].method, "GET");
        assert_string_equal(c[1].response[0].name, "items");
        assert_string_equal(c[1].response[0].type, "list of string");
        assert_null(c[1].entity);
        assert_string_equal(c[2].request[0].name, "value");
        assert_string_equal(c[3].endpoint, "/orders/{id}");
        assert_string_equal(c[3].description,
                            "One\nwith its lines\nanswers 404: none; otherwise: it failed");
        assert_int_equal(c[3].n_request, 2);
        assert_true(c[3].request[0].is_required); /* the operation's own parameter counts */
        assert_string_equal(c[3].request[0].description, "all of it; in the query");
        assert_string_equal(c[3].request[1].name, "page");
        assert_int_equal(m->n_entities, 1);
        assert_line(&m->notes, "schema Problem is no entity: it tells of failures only");
        assert_line(&m->warnings, "a body of type text/csv is read as JSON");
        assert_int_equal(m->warnings.n, 1);
        model_free(m);
}

static void test_forms_are_no_entities(void **state)
{
        struct model *m = must_read(
                HEAD "paths:\n"
                     "  /pets: {post: {requestBody: {content: {application/json: {schema: {$ref: "
                     "\"#/components/schemas/PetCreate\"}}}}, responses: {\"200\": {description: "
                     "ok, content: {application/json: {schema: {$ref: "
                     "\"#/components/schemas/Pet\"}}}}}}}\n"
                     "components:\n  schemas:\n"
                     "    Pet: {properties: {id: {type: string}}}\n"
                     "    PetCreate: {properties: {name: {type: string}}}\n"
                     "    NewLeash: {properties: {name: {type: string}}}\n"
                     "    Newsletter: {properties: {name: {type: string}}}\n"
                     "    Letter: {properties: {name: {type: string}}}\n"
                     "    Config: {x-entity: false, properties: {name: {type: string}}}\n"
                     "    NewPet: {x-entity: true, properties: {name: {type: string}}}\n");

        (void)state;
        assert_int_equal(m->n_entities, 5);
        assert_string_equal(entity_of(m, "NewPet")->name, "NewPet");
        assert_string_equal(entity_of(m, "NewLeash")->name, "NewLeash"); /* there is no Leash */
        assert_string_equal(entity_of(m, "Newsletter")->name, "Newsletter");
        assert_line(&m->notes, "schema PetCreate is no entity");
        assert_line(&m->notes, "schema Config is no entity: it says `x-entity: false`");
        assert_string_equal(m->contracts[0].request[0].name, "name");
        model_free(m);
}

static void test_what_is_not_used(void **state)
{
        struct model *m = must_read(
                "openapi: 3.1.0\n"
                "info: {title: x, version: 1, license: {name: MIT}, x-logo: y}\n"
                "servers: [{url: /}]\n"
                "security: [{key: []}]\n"
                "tags: [{name: a}]\n"
                "components:\n"
                "  securitySchemes: {key: {type: apiKey}}\n"
                "  schemas:\n"
                "    A: {propertys: {b: 1}, properties: {c: {type: string, exampel: x}, d: {oneOf: "
                "[{type: string}, {type: integer}]}, e: {type: string, exampel: y}}}\n"
                "    B: {type: object, properties: {f: {$ref: \"other.yaml#/F\"}}}\n");

        (void)state;
        assert_line(&m->warnings, "spec.yaml:3:1: key `servers` is not used");
        assert_line(&m->warnings, "spec.yaml:4:1: key `security` is not used");
        assert_line(&m->warnings, "key `securitySchemes` is not used");
        assert_line(&m->warnings, "spec.yaml:9:9: key `propertys` is not used");
        assert_line(&m->warnings, "key `exampel` is not used (2 times)");
        assert_line(&m->warnings, "spec.yaml:9:83: `oneOf` of several types is read as `any`");
        assert_line(&m->warnings, "spec.yaml:10:46: `$ref` leads out of this document (other.yaml");
        assert_int_equal(m->warnings.n, 7);
        check_attribute(entity_of(m, "B"), "f", "any", NULL);
        model_free(m);
}

static void test_pointers(void **state)
{
        struct model *m = must_read(
                HEAD "components:\n  schemas:\n"
                     "    \"a/b~c d\": {type: integer}\n"
                     "    A: {properties: {x: {$ref: \"#/components/schemas/a~1b~0c%20d\"}, y: "
                     "{$ref: \"#/components/schemas/A/properties/x\"}}}\n");

        (void)state;
        check_attribute(entity_of(m, "A"), "x", "integer", NULL);
        check_attribute(entity_of(m, "A"), "y", "integer", NULL);
        model_free(m);
}

static void test_refused(void **state)
{
        static const struct {
                const char *text, *expected;
        } cases[] = {
                {"swagger: \"2.0\"\n", "spec.yaml:1:1: OpenAPI 3.0 and 3.1 are read"},
                {"openapi: 4.0.0\n", "spec.yaml:1:10: OpenAPI 3.0 and 3.1 are read"},
                {HEAD "components: {schemas: {A: {$ref: \"#/components/schemas/B\"}, B: {$ref: "
                      "\"#/components/schemas/A\"}, C: {properties: {x: {$ref: "
                      "\"#/components/schemas/A\"}}}}}\n",
                 "`$ref` leads round in a circle"},
                {HEAD "components: {schemas: {A: {properties: {x: {type: string}}, allOf: [{$ref: "
                      "\"#/components/schemas/A\"}]}}}\n",
                 "`allOf` leads round in a circle"},
                {HEAD "components: {schemas: {A: {type: array, items: {$ref: "
                      "\"#/components/schemas/A\"}}, B: {properties: {x: {$ref: "
                      "\"#/components/schemas/A\"}}}}}\n",
                 "a type leads round in a circle"},
                {HEAD "components: {schemas: {Pet: {properties: {x: {$ref: "
                      "\"#/components/schemas/Pett\"}}}}}\n",
                 "there is no `Pett`; did you mean `Pet`?"},
                {HEAD "components: {schemas: {A: {properties: {x: {$ref: \"#x\"}}}}}\n",
                 "must lead to a place like `#/components/schemas/X`"},
                {HEAD "components: {schemas: {A: {properties: {x: {$ref: [a]}}}}}\n",
                 "`$ref` must be a text"},
                {HEAD "components: {schemas: {A: {properties: {x: {type: text}}}}}\n",
                 "spec.yaml:3:51: `text` is no type"},
                {HEAD "components: {schemas: {A: {properties: [x]}}}\n",
                 "`properties` must be a map"},
                {HEAD "components: {schemas: {A: {properties: {x: }}}}\n",
                 "a property needs a name and a schema"},
                {HEAD "paths: {orders: {get: {}}}\n", "a path begins with `/`"},
                {HEAD "paths: {/a: {get: {parameters: [{name: x}]}}}\n",
                 "a parameter needs `name` and `in`"},
                {HEAD "paths: []\n", "`paths` must be a map"},
                {HEAD "paths: {}\n", "nothing to generate"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                print_message("  %s\n", cases[i].expected);
                must_refuse("spec.yaml", cases[i].text, cases[i].expected);
        }
}

/* Small texts that ask for very much are refused in time, not tried. */
static void test_bombs(void **state)
{
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        (void)buf_add_text(&b, HEAD "components:\n  schemas:\n");
        for (int i = 0; i < 30; i++) {
                (void)buf_printf(&b, "    A%d: {properties: {p%d: {type: string}}, allOf: [", i, i);
                for (int k = 0; k < 10; k++)
                        (void)buf_printf(&b, "{$ref: \"#/components/schemas/A%d\"},", i + 1);
                (void)buf_add_text(&b, "]}\n");
        }
        (void)buf_add_text(&b, "    A30: {properties: {z: {type: string}}}\n");
        must_refuse("spec.yaml", b.at, "`allOf` leads round in a circle, or to too much");
        buf_clear(&b);
        (void)buf_add_text(&b, HEAD "components:\n  schemas:\n");
        for (int i = 0; i < 30; i++) { /* and none of them has a property */
                (void)buf_printf(&b, "    A%d: {allOf: [", i);
                for (int k = 0; k < 10; k++)
                        (void)buf_printf(&b, "{$ref: \"#/components/schemas/A%d\"},", i + 1);
                (void)buf_add_text(&b, "]}\n");
        }
        (void)buf_add_text(&b, "    A30: {type: object}\n");
        must_refuse("spec.yaml", b.at, "nothing to generate");
        buf_clear(&b);
        (void)buf_add_text(&b, HEAD "components:\n  schemas:\n    Base:\n      properties:\n");
        for (int i = 0; i < 900; i++)
                (void)buf_printf(&b, "        p%d: {type: string}\n", i);
        for (int i = 0; i < 1000; i++)
                (void)buf_printf(&b, "    A%d: {allOf: [{$ref: \"#/components/schemas/Base\"}]}\n",
                                 i);
        must_refuse("spec.yaml", b.at, "in all");
        buf_clear(&b); /* one long description, referred to again and again */
        (void)buf_add_text(&b,
                           HEAD "components:\n  schemas:\n    Long: {type: string, description: "
                                "\"");
        for (int i = 0; i < 100000; i++)
                (void)buf_add_char(&b, 'x');
        (void)buf_add_text(&b, "\"}\n    A:\n      properties:\n");
        for (int i = 0; i < 500; i++)
                (void)buf_printf(&b, "        p%d: {$ref: \"#/components/schemas/Long\"}\n", i);
        must_refuse("spec.yaml", b.at, "with what references repeat");
        buf_clear(&b);
        (void)buf_add_text(&b, HEAD "components:\n  schemas:\n"); /* a chain is no recursion */
        for (int i = 0; i < 15000; i++)
                (void)buf_printf(
                        &b, "    A%d: {properties: {n: {$ref: \"#/components/schemas/A%d\"}}}\n", i,
                        (i + 1) % 15000);
        (void)buf_add_text(&b, "paths: {/a: {get: {responses: {\"200\": {description: x, content: "
                               "{application/json: {schema: {$ref: "
                               "\"#/components/schemas/A0\"}}}}}}}}\n");
        assert_int_equal(b.failed, 0);
        model_free(must_read(b.at));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_types),
                cmocka_unit_test(test_all_of),
                cmocka_unit_test(test_relations),
                cmocka_unit_test(test_paths),
                cmocka_unit_test(test_forms_are_no_entities),
                cmocka_unit_test(test_what_is_not_used),
                cmocka_unit_test(test_pointers),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_bombs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
