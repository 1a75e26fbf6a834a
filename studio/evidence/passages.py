"""Passages of several kinds, written for this project: stories, news, letters, science, code, sums, other languages.

Only ever added to at the end, so that what was measured on the first so many stays what it is; each addition is a
version of its own.
"""

VERSIONS = (24, 40)
"""How many of the passages the first version has, the second, and so on."""

PASSAGES = (
    "The bus was late again, so Marta walked. By the time she reached the bridge the rain had stopped, and "
    "the river was the colour of tea. She thought of her grandmother, who had crossed here every morning with "
    "a basket of bread.",
    "The town council voted on Tuesday to keep the old library open until spring. Seven members were in "
    "favour and four against. The mayor said that a decision about the new building would follow once the "
    "costs were known.",
    "Dear Mr Hansen, thank you for your letter of 4 May. We are sorry that the lamp arrived broken. A new one "
    "was sent today and should reach you within a week. You don't need to send the old one back. Yours "
    "sincerely, Ruth Okafor",
    "Plants make sugar from water and carbon dioxide. The energy for it comes from sunlight, which is caught "
    "by a green pigment called chlorophyll. Oxygen is left over and leaves through small openings on the "
    "underside of the leaves.",
    "def count_words(text):\n    counts = {}\n    for word in text.lower().split():\n        counts[word] = "
    "counts.get(word, 0) + 1\n    return counts\n",
    "A train leaves at 9:15 and travels 180 kilometres at 90 kilometres an hour. The journey takes 180 / 90 = "
    "2 hours, so it arrives at 11:15. If it waits ten minutes on the way, it arrives at 11:25.",
    '"Did you feed the cat?" asked Tom. "I thought you had," said Ana. They both looked at the cat, which '
    "looked at the empty bowl and then at the door, as if it had already made other plans for the evening.",
    "Pancakes for four: whisk two eggs with 300 millilitres of milk, then stir in 150 grams of flour and a "
    "pinch of salt. Let the batter rest for twenty minutes. Fry thin pancakes in butter, about a minute on "
    "each side.",
    "The Moon goes once around the Earth in about 27 days. Because it turns on its axis in the same time, we "
    "always see the same side of it. The far side was first photographed by a space probe in 1959.",
    "Der Zug nach Hamburg hatte zwanzig Minuten Verspätung. Auf dem Bahnsteig stand ein Mann mit einem Cello "
    "und spielte, und niemand ärgerte sich mehr über das Warten.",
    "Le marché ouvre à sept heures. On y trouve des légumes, du fromage et parfois des fleurs. Quand il "
    "pleut, les marchands rangent tout et boivent un café sous la halle.",
    "El perro esperaba cada tarde en la misma esquina. Cuando la niña volvía de la escuela, corría hacia ella "
    "como si hubieran pasado años y no unas pocas horas.",
    "How to back up your photos: connect the disk, open the folder with your pictures, select all of them and "
    "copy them to the disk. Wait until the copy is finished before you unplug it. Do this once a month.",
    "Review: The headphones are light and the sound is clear, but the cable is too short to reach from my "
    "desk. After two weeks one of the ear pads came off. I would buy them again at half the price.",
    "In chess each player begins with sixteen pieces. A pawn moves one square forward, or two from where it "
    "started, and takes diagonally. The game ends when a king is attacked and can't escape.",
    "SELECT name, COUNT(*) AS orders FROM customers JOIN orders ON orders.customer_id = customers.id GROUP BY "
    "name HAVING COUNT(*) > 3 ORDER BY orders DESC;",
    "The patient, a woman of 54, reported pain in the left knee for three weeks. There was no swelling. Rest "
    "and cold compresses were advised, and a second appointment was made for the end of the month.",
    "Once there was a fox who could not tell a lie. The hens asked him every evening whether he meant to eat "
    "them, and every evening he said yes, and they locked the door and thanked him for his honesty.",
    "Prices rose by 2.1 per cent in October compared with a year before. Food became dearer, while "
    "electricity and fuel cost a little less. Economists had expected a smaller increase.",
    "Good morning and welcome to the museum. Please leave large bags at the entrance. The tour begins in ten "
    "minutes in the room with the whale. Photographs are allowed everywhere, but without a flash.",
    "Iron rusts when it is in contact with water and oxygen. Salt makes it faster, which is why cars last "
    "less long near the sea. Paint, oil or a layer of zinc keeps the water away.",
    "1. Read the whole question before you begin. 2. Underline what is asked. 3. Answer the easy parts first. "
    "4. Check your units. 5. Leave five minutes at the end to look for slips.",
    '{"name": "Lena", "age": 31, "languages": ["Polish", "English"], "address": {"city": "Gdynia", "zip": '
    '"81-001"}, "member": true}',
    "The old man on the third floor played the same record every night at nine. When it stopped one winter, "
    "the whole house stood on the stairs and did not know whom to ask.",
    "The tide has left a line of shells\nalong the sleeping town,\nand one by one the harbour bells\nlet all "
    "their ringing down.\nNobody wakes, nobody hears;\nthe night has hours to spend.\nThe moon, which has no use "
    "for years,\nwalks slowly to the end.",
    "WAITER: Are you ready to order?\nGUEST: Almost. Is the soup made with meat?\nWAITER: It is, but we have one "
    "with lentils as well.\nGUEST: Then I'll take that, and some bread, please.\nWAITER: And to drink?\nGUEST: "
    "Tap water is fine, thank you.",
    "| City | January | July |\n| --- | ---: | ---: |\n| Bergen | 2.1 °C | 15.0 °C |\n| Lisbon | 11.6 °C | 23.4 "
    "°C |\n| Nairobi | 19.0 °C | 16.9 °C |\n| Quito | 14.8 °C | 14.9 °C |\n",
    "Section 7. (1) A tenant may end this agreement at any time by giving the landlord at least one month's "
    "notice in writing. (2) Notice given after the fifteenth day of a month takes effect at the end of the month "
    "that follows. (3) Nothing in this section limits a right to end the agreement for good cause.",
    "The sum of two odd numbers is even. An odd number is one more than twice something, so two of them together "
    "are two more than twice something plus twice something else. That is twice the whole, and what is twice a "
    "whole number is even.",
    "function debounce(act, pause) {\n  let timer = 0;\n  return (...given) => {\n    clearTimeout(timer);\n    "
    "timer = setTimeout(() => act(...given), pause);\n  };\n}\n",
    "2024-03-09 02:14:07 INFO worker-3 picked up job 8812\n2024-03-09 02:14:09 WARN disk /data is 91 % full\n"
    "2024-03-09 02:15:30 ERROR job 8812 failed: connection reset by peer\n2024-03-09 02:15:31 INFO job 8812 will "
    "be tried again in 60 s\n",
    "hey!! so sorry i missed your call, was stuck at the dentist for two hours :( are we still on for saturday? "
    "i have a tent for us but we'd need somebody with a car. let me know before thursday ok? xx",
    "Paper reached Europe late. It had been made in China for more than a thousand years before the first mills "
    "turned in Spain and Italy, and for a long time clerks trusted it less than parchment. Only when printing "
    "presses needed it by the cartload did it become what everybody wrote on.",
    "It took a goal in the last minute of extra time to settle the match. Until then both sides had defended "
    "well, and the two keepers had made eleven saves between them. The visitors, who played the second half with "
    "ten, now meet last year's winners on Sunday.",
    "Q: Can I freeze cooked rice? A: Yes. Let it cool quickly, within an hour, and freeze it in flat bags, so "
    "that it thaws evenly. It keeps for about a month. Q: Do I have to thaw it first? A: No, a splash of water "
    "and three minutes in a pan are enough.",
    '[server]\nhost = "0.0.0.0"\nport = 8080\ntimeout_seconds = 30\n\n[logging]\nlevel = "info"\nfile = '
    '"/var/log/shop.log"\nkeep_days = 14\n',
    "La biblioteca chiude alle sei, ma il giovedì resta aperta fino alle nove. Chi vuole prendere in prestito un "
    "libro deve mostrare la tessera. I giornali si leggono soltanto in sala.",
    "O rio nasce na serra e atravessa três aldeias antes de chegar ao mar. No verão quase desaparece entre as "
    "pedras; em fevereiro leva pontes consigo, e depois ninguém fala de outra coisa.",
    "Утром выпал первый снег. Дети вышли во двор раньше обычного, и к обеду у забора стоял снеговик в старой "
    "шляпе. К вечеру потеплело, и от него осталась только шляпа.",
    "周末的早上，公园里有很多人。有的在跑步，有的在下棋，还有几位老人在树下唱歌。孩子们最喜欢湖边的小船，可是冬天的时候，船都停在岸上。",
)
